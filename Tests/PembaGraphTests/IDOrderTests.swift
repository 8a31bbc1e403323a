// Pemba: what lookups find comes in the order of ids.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaTestSupport
import Testing

@testable import PembaGraph

/// Goal: items come out in the order of their ids' bytes, whatever order they went in, and no step looks at more than a run.
@Suite("The order of ids")
struct IDOrderTests {
    private static let source = """
        definition user {}
        definition group {
            relation member: user
        }
        """

    /// In which order items go in.
    private enum Entry: CaseIterable {
        case random, rising, falling, organPipe
    }

    @Test("items come out in order", arguments: Array(Seeds(short: 12, full: 400)))
    func order(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let count = [0, 1, 2, 17, 300, IDOrder.runLength, IDOrder.runLength + 1, 9_000][random.below(8)]
        let graph = try graph(Self.source)
        var ids = ids(count, &random)
        switch Entry.allCases[random.below(4)] {
        case .random: break
        case .rising: ids.sort { $0.precedesByBytes($1) }
        case .falling: ids.sort { $1.precedesByBytes($0) }
        case .organPipe:
            ids.sort { $0.precedesByBytes($1) }
            let half = ids.count / 2
            ids = Array(ids[..<half]) + ids[half...].reversed()
        }
        for id in ids { try graph.add("group:\(id)#member@user:ann") }
        let names = LookupIDs(graph.entities, unknown: "nobody")
        defer { names.release() }
        var order = IDOrder(names)
        defer { order.release() }
        let group = try graph.type("group", in: graph.presentBasis)
        for (number, id) in ids.enumerated() {
            let entity = names.find(type: group, id: id, unknownType: 0)
            order.add(LookupItem(entity: entity, number: UInt32(number)))
        }
        var work = 1
        while work > 0 {
            work = order.prepare()
            #expect(work <= IDOrder.runLength)
        }
        var found: [String] = []
        while let item = order.first {
            #expect(ids[Int(item.number)].hasSameBytes(as: names.text(of: item.entity)))
            found.append(names.text(of: item.entity))
            order.removeFirst()
        }
        #expect(found == ids.sorted { $0.precedesByBytes($1) }, "\(Seeds.replay(seed, "IDOrderTests"))")
    }

    /// Different ids, most of which begin alike, some for longer than a word.
    private func ids(_ count: Int, _ random: inout SeededRandom) -> [String] {
        let prefixes = ["", "a", "document-", "a-rather-long-beginning-"].prefix(1 + random.below(4))
        var ids: Set<String> = []
        var list: [String] = []
        while list.count < count {
            let id = prefixes[random.below(prefixes.count)] + String(random.below(1_000_000))
            if ids.insert(id).inserted { list.append(id) }
        }
        return list
    }
}
