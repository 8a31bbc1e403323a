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

    /// The block of the README.
    static func begin(_ configuration: ClientConfiguration) async throws -> Decision {
        // readme
        let client = try PembaClient(configuration: configuration)
        let viewer = try RelationTuple(parsing: "document:plan#viewer@user:alice")
        let written = try await client.write(WriteRequest(updates: [TupleUpdate(.create, viewer)]))
        let answer = try await client.check(
            CheckItem(
                resource: ObjectReference(type: "document", id: "plan"),
                permission: "view",
                subject: SubjectReference(type: "user", id: "alice")
            ),
            consistency: .atLeastAsFresh(written.zookie)
        )
        // end
        return answer.decision
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
        let zookie = try await client.write(WriteRequest(updates: [TupleUpdate(.create, viewer)])).zookie
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
            case .success(let decision): print(decision.permissionship)
            case .failure(let error): print("not answered: \(error)")
            }
        }
        // end
    }

    static func context(_ client: PembaClient, _ question: CheckItem) async throws {
        // snippet
        var here = question
        here.context = ContextObject([("ip", .string("10.1.2.3"))])
        let decision = try await client.check(here).decision
        if decision.permissionship == .conditional {
            print("it depends on \(decision.missingContext.joined(separator: ", "))")
        }
        // end
    }

    static func contextual(_ client: PembaClient, _ question: CheckItem, _ viewer: RelationTuple) async throws {
        // snippet
        let what = try await client.check(question, contextualTuples: [viewer])
        // end
        _ = what
    }

    static func past(_ client: PembaClient, _ question: CheckItem) async throws {
        // snippet
        let morning = try Timestamp(rfc3339: "2026-11-26T09:00:00Z")
        let then = try await client.check(question, consistency: .atTime(morning))
        // end
        _ = then
    }

    static func lookups(_ client: PembaClient, _ alice: SubjectReference, _ plan: ObjectReference) async throws {
        // snippet
        let view = TypePermission(type: "document", permission: "view")
        for try await document in client.lookupResources([view], for: alice) {
            print(document.id, document.decision.permissionship)
        }
        for try await user in client.lookupSubjects(["view"], on: plan, kinds: [SubjectKind(type: "user")]) {
            print(user.id, user.excluded.map(\.id))
        }
        // end
    }

    static func pages(_ client: PembaClient, _ alice: SubjectReference, _ view: TypePermission) async throws {
        // snippet
        let page = try await client.lookupResources([view], for: alice, limit: 50).page()
        if let cursor = page.end.next {
            let next = try await client.lookupResources([view], for: alice, limit: 50, cursor: cursor).page()
            print(next.items.count, next.end.isComplete)
        }
        // end
    }

    static func explanations(
        _ client: PembaClient,
        _ question: CheckItem,
        _ alice: SubjectReference,
        _ plan: ObjectReference
    ) async throws {
        // snippet
        let why = try await client.explain(question).explanation
        for suggestion in why.suggestions { print("it would be allowed with \(suggestion.add)") }
        for entry in try await client.permissions(of: alice, on: plan).entries {
            print(entry.permission, entry.decision.permissionship)
        }
        let tree = try await client.expand(plan, "view", isRecursive: true).tree
        // end
        _ = tree
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

    static func otherWrites(_ client: PembaClient, _ plan: ObjectReference, _ viewer: RelationTuple) async throws {
        // snippet
        var grant = viewer
        grant.expiresAt = try Timestamp(rfc3339: "2026-12-01T18:00:00Z")
        let why = ContextObject([("ticket", .string("OPS-17"))])
        try await client.write(WriteRequest(updates: [TupleUpdate(.touch, grant)], metadata: why))

        let all = SetRequest(resource: plan, relation: "viewer", tuples: [viewer])
        for change in try await client.set(all).changes { print(change.operation, change.tuple) }

        let gone = RelationshipFilter(subjectType: "user", subjectID: "alice")
        print(try await client.delete(DeleteRequest(filter: gone)).deleted)
        // end
    }

    static func importing(_ client: PembaClient, _ tuples: [RelationTuple]) async throws {
        // snippet
        let summary = try await client.importTuples(tuples, mode: .touch) { print("\($0.done) imported") }
        print(summary.created, summary.existing)
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

    static func page(_ client: PembaClient, _ filter: RelationshipFilter) async throws {
        // snippet
        var question = ReadRequest(consistency: .minimizeLatency, filter: filter, limit: 100)
        let page = try await client.read(question)
        question.cursor = page.next
        // end
        _ = question
    }

    static func export(_ client: PembaClient) async throws {
        // snippet
        var tuples = client.export().makeAsyncIterator()
        while let batch = try await tuples.nextBatch() { print(batch.count) }
        if let end = tuples.end { print("\(end.count) relationships as of \(end.zookie)") }
        // end
    }

    static func status(_ client: PembaClient) async throws {
        // snippet
        print(try await client.readSchema().source)
        for status in await client.statusOfEndpoints() { print(status) }
        // end
    }

    static func watch(_ client: PembaClient, _ filter: RelationshipFilter) async throws {
        // snippet
        for try await event in client.watch(WatchRequest(start: .snapshot, filters: [filter])) {
            switch event {
            case .tuples(let tuples): print("there are", tuples)
            case .changes(_, let time, let changes, let metadata, _): print(time, changes, metadata.json)
            case .schema(_, let source): print("the schema is now", source)
            case .checkpoint(let zookie): print("everything up to", zookie)
            }
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
