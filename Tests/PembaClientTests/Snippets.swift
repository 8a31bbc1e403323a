// Pemba: the code of the client library's article, so that it compiles.
// SPDX-License-Identifier: Apache-2.0

import PembaClient

// Every part between `snippet` and `end` is one code block of the article, in its order; `DocumentationTests` compares.

enum Snippets {
    static func connect() throws -> PembaClient {
        // snippet
        let configuration = ClientConfiguration(
            endpoints: [
                NetworkAddress(host: "127.0.0.1", port: 7001),
                NetworkAddress(host: "127.0.0.1", port: 7002),
                NetworkAddress(host: "127.0.0.1", port: 7003),
            ],
            authority: .file("cluster/ca.pem"),
            credentials: .certificate(.file("cluster/client.pem"), key: .file("cluster/client-key.pem"))
        )
        let client = try PembaClient(configuration: configuration)
        // end
        return client
    }

    static func write(_ client: PembaClient) async throws {
        // snippet
        try await client.writeSchema(
            """
            definition user {}

            definition document {
                relation viewer: user
                permission view = viewer
            }
            """
        )
        let viewer = try RelationTuple(parsing: "document:plan#viewer@user:alice")
        let zookie = try await client.write(WriteRequest(updates: [TupleUpdate(.create, viewer)]))
        // end
        _ = zookie
    }

    static func check(_ client: PembaClient) async throws {
        // snippet
        let question = CheckItem(
            resource: ObjectReference(type: "document", id: "plan"),
            permission: "view",
            subject: SubjectReference(type: "user", id: "alice")
        )
        let answer = try await client.check(question)
        if answer.permissionship == .hasPermission {
            print("alice may view the plan, as of \(answer.zookie)")
        }
        // end
    }

    static func consistency(_ client: PembaClient, _ question: CheckItem, _ stored: String) async throws {
        // snippet
        if let zookie = Zookie(stored) {
            _ = try await client.check(question, consistency: .atLeastAsFresh(zookie))
        }
        _ = try await client.check(question, consistency: .fullyConsistent)
        _ = try await client.check(question, consistency: .minimizeLatency)
        // end
    }

    static func bulk(_ client: PembaClient, _ question: CheckItem, _ another: CheckItem) async throws {
        // snippet
        let answers = try await client.checkBulk([question, another], timeout: .seconds(2))
        for result in answers.results {
            switch result {
            case .success(let permissionship): print(permissionship)
            case .failure(let error): print("not answered: \(error)")
            }
        }
        // end
    }

    static func preconditions(_ client: PembaClient, _ viewer: RelationTuple) async throws {
        // snippet
        let isOwned = Precondition(.mustMatch, RelationshipFilter(resourceType: "document", relation: "owner"))
        let request = WriteRequest(updates: [TupleUpdate(.touch, viewer)], preconditions: [isOwned])
        do {
            try await client.write(request)
        } catch let error where error.serviceError?.code == .preconditionFailed {
            print("nobody owns a document yet")
        }
        // end
    }

    static func outcome(_ client: PembaClient, _ request: WriteRequest) async throws {
        // snippet
        do {
            try await client.write(request, timeout: .milliseconds(500))
        } catch {
            guard !error.outcomeIsKnown else { throw error }
            var again = request
            again.idempotencyKey = error.idempotencyKey
            try await client.write(again, timeout: .seconds(30))
        }
        // end
    }

    static func key(_ client: PembaClient, _ request: WriteRequest) async throws {
        // snippet
        var remembered = request
        remembered.idempotencyKey = try await client.makeIdempotencyKey()
        // Store the request with its key, then send it; after a crash, send what was stored again.
        try await client.write(remembered)
        // end
    }

    static func read(_ client: PembaClient) async throws {
        // snippet
        let filter = RelationshipFilter(resourceType: "document", relation: "viewer")
        for try await tuple in client.tuples(matching: filter) {
            print(tuple)
        }
        // end
    }

    static func pipeline(_ client: PembaClient, _ question: CheckItem) async throws {
        // snippet
        try await client.withCheckPipelines { pipelines in
            for pipeline in pipelines {
                pipeline.handler = { token, result in
                    if case .success = result { _ = pipeline.submit(question, token: token) }
                }
                for token: UInt64 in 0..<64 { _ = pipeline.submit(question, token: token) }
            }
        }
        // end
    }

    static func shutdown(_ client: PembaClient) async {
        // snippet
        await client.shutdown()
        // end
    }
}
