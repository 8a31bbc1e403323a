// Pemba: pipelines over all of a client's connections.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import PembaTransport

extension ClientCore {
    /// Somebody who wants all connections.
    struct PipelineWaiter {
        let deadline: NIODeadline
        let body: (Result<[CheckPipeline], ClientError>) -> Void
    }

    /// Hands over a pipeline for every connection once all are there.
    func withPipelines(deadline: NIODeadline, _ body: @escaping (Result<[CheckPipeline], ClientError>) -> Void) {
        guard !isShutDown else { return body(.failure(ClientError(.shutDown))) }
        start()
        pipelineWaiters.append(PipelineWaiter(deadline: deadline, body: body))
        armSweep()
        servePipelines()
    }

    func servePipelines() {
        guard !pipelineWaiters.isEmpty else { return }
        let links = endpoints.prefix(context.configuration.endpoints.count).flatMap(\.links)
        let waiters = pipelineWaiters
        pipelineWaiters.removeAll()
        for waiter in waiters {
            if links.allSatisfy(\.isReady) {
                waiter.body(.success(links.map { CheckPipeline($0, timeout: context.configuration.timeout) }))
            } else if let failed = endpoints.first(where: \.failureIsPermanent), let failure = failed.failure {
                waiter.body(.failure(ClientError(failure)))
            } else if waiter.deadline <= .now() {
                let failure = endpoints.compactMap(\.failure).first ?? .deadlineExceeded
                waiter.body(.failure(ClientError(failure)))
            } else {
                pipelineWaiters.append(waiter)
            }
        }
    }
}
