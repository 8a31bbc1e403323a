// Pemba: validation files, our own and those of others, through the command line.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import PembaTestSupport
import PembaTooling
import Testing

/// Goal: a running cluster answers the project's own cases, on every node and in every consistency mode.
struct OwnCaseTests {
    @Test func everyCaseHoldsOnARunningCluster() async throws {
        try await withCluster { cluster in
            let outcome = try await Programs.run(
                Programs.clusterctl,
                ["validate", "--live", "--cluster", cluster.folder + "/cluster.yaml"] + OwnCases.files,
                patience: .seconds(120)
            )
            #expect(outcome.status == 0, "\(outcome.output)\(outcome.errors)")
        }
    }
}

@Suite(.serialized, .enabled(if: Conformance.isAvailable, "PEMBA_CONFORMANCE names no folder with the data"))
struct ConformanceTests {
    private static let files = ["spicedb/testconfigs", "oracle"]
        .flatMap { Conformance.files(in: $0, suffix: ".yaml").map(\.path) }

    @Test func validationFilesHoldInProcess() async throws {
        #expect(ConformanceTests.files.count > 200)
        let outcome = try await Programs.run(Programs.clusterctl, ["validate"] + ConformanceTests.files)
        #expect(outcome.status == 0, "\(outcome.output)\(outcome.errors)")
    }

    @Test func validationFilesHoldOnARunningCluster() async throws {
        try await withCluster { cluster in
            let outcome = try await Programs.run(
                Programs.clusterctl,
                ["validate", "--live", "--cluster", cluster.folder + "/cluster.yaml"] + ConformanceTests.files,
                patience: .seconds(300)
            )
            #expect(outcome.status == 0, "\(outcome.output)\(outcome.errors)")
        }
    }
}
