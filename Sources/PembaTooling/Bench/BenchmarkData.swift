// Pemba: the data set of benchmarks.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore

/// A company of a size that you name: users, groups, folders and documents, about two tuples for each object, with ids
/// of 16 bytes, and in it chains whose checks take 5 folders and 3 groups to answer.
///
/// Everything is computed from the number of a thing, so that nothing needs to be kept.
package struct BenchmarkData: Sendable {
    /// How many tuples there are.
    package let tupleCount: Int
    /// How many chains are in it.
    package let chainCount: Int
    private let userCount: Int
    private let groupCount: Int
    private let folderCount: Int
    private let documentCount: Int

    /// Members of each group that is not part of a chain.
    private static let membersPerGroup = 20
    /// Tuples of one chain: document to folder, four times folder to folder, folder to group, twice group to group, member.
    private static let tuplesPerChain = 9

    /// The schema of the data.
    package static let schema = """
        definition user {}
        definition group {
            relation member: user | group#member
        }
        definition folder {
            relation parent: folder
            relation viewer: user | group#member
            permission view = viewer + parent->view
        }
        definition document {
            relation parent: folder
            relation owner: user
            relation viewer: user | group#member
            permission view = viewer + owner + parent->view
        }
        """

    /// A data set of at least `tuples` tuples, and of a few more than that at most.
    package init(tuples: Int) {
        precondition(tuples >= 1_000, "a data set has at least 1,000 tuples")
        chainCount = max(tuples / 200, 10)
        let rest = tuples - chainCount * BenchmarkData.tuplesPerChain
        userCount = max(rest / 10, 1)
        groupCount = max(rest / 100, 1)
        folderCount = max(rest / 20, 1)
        // Each folder has a parent and a group that may view; each document a parent and an owner.
        documentCount = max((rest - groupCount * BenchmarkData.membersPerGroup - folderCount * 2) / 2, 1)
        tupleCount =
            chainCount * BenchmarkData.tuplesPerChain + groupCount * BenchmarkData.membersPerGroup
            + folderCount * 2 + documentCount * 2
    }

    /// The tuple with this number, in `0..<tupleCount`.
    package func tuple(_ number: Int) -> RelationTuple {
        precondition((0..<tupleCount).contains(number), "no tuple has the number \(number)")
        var place = number
        if place < chainCount * BenchmarkData.tuplesPerChain {
            return chainTuple(place / BenchmarkData.tuplesPerChain, place % BenchmarkData.tuplesPerChain)
        }
        place -= chainCount * BenchmarkData.tuplesPerChain
        if place < groupCount * BenchmarkData.membersPerGroup {
            let group = place / BenchmarkData.membersPerGroup
            return tuple(
                "group",
                "g",
                group,
                "member",
                SubjectReference(type: "user", id: id("u", scatter(place, userCount)))
            )
        }
        place -= groupCount * BenchmarkData.membersPerGroup
        if place < folderCount * 2 {
            let folder = place / 2
            if place % 2 == 0, folder > 0 {
                return tuple("folder", "f", folder, "parent", SubjectReference(type: "folder", id: id("f", folder / 8)))
            }
            let group = id("g", scatter(place, groupCount))
            return tuple(
                "folder",
                "f",
                folder,
                "viewer",
                SubjectReference(type: "group", id: group, relation: "member")
            )
        }
        place -= folderCount * 2
        let document = place / 2
        let subject =
            place % 2 == 0
            ? SubjectReference(type: "folder", id: id("f", scatter(document, folderCount)))
            : SubjectReference(type: "user", id: owner(of: document))
        return tuple("document", "d", document, place % 2 == 0 ? "parent" : "owner", subject)
    }

    /// A check that one binary search answers: whether somebody owns a document; every second one does not.
    package func directCheck(_ number: Int) -> (document: String, user: String, expected: Bool) {
        let document = scatter(number, documentCount)
        let has = number % 2 == 0
        return (id("d", document), has ? owner(of: document) : "nobody-at-all-01", has)
    }

    /// A check through 5 folders and 3 groups: whether the member at the end of a chain may view its document.
    ///
    /// Every fourth asks for the member of another chain, who may not.
    package func nestedCheck(_ number: Int) -> (document: String, user: String, expected: Bool) {
        let chain = scatter(number, chainCount)
        let has = number % 4 != 0
        return (id("D", chain), id("U", has ? chain : (chain + 1) % chainCount), has)
    }

    private func chainTuple(_ chain: Int, _ step: Int) -> RelationTuple {
        switch step {
        case 0:
            return tuple("document", "D", chain, "parent", SubjectReference(type: "folder", id: id("F0", chain)))
        case 1...4:
            let parent = SubjectReference(type: "folder", id: id("F\(step)", chain))
            return tuple("folder", "F\(step - 1)", chain, "parent", parent)
        case 5:
            let group = SubjectReference(type: "group", id: id("G0", chain), relation: "member")
            return tuple("folder", "F4", chain, "viewer", group)
        case 6, 7:
            let group = SubjectReference(type: "group", id: id("G\(step - 5)", chain), relation: "member")
            return tuple("group", "G\(step - 6)", chain, "member", group)
        default:
            return tuple("group", "G2", chain, "member", SubjectReference(type: "user", id: id("U", chain)))
        }
    }

    private func owner(of document: Int) -> String { id("u", scatter(document &+ 7, userCount)) }

    private func tuple(
        _ type: String,
        _ prefix: String,
        _ number: Int,
        _ relation: String,
        _ subject: SubjectReference
    ) -> RelationTuple {
        RelationTuple(
            resource: ObjectReference(type: type, id: id(prefix, number)),
            relation: relation,
            subject: subject
        )
    }

    /// 16 bytes: the prefix and the number in decimal.
    private func id(_ prefix: String, _ number: Int) -> String {
        let digits = String(number)
        return prefix + String(repeating: "0", count: 16 - prefix.utf8.count - digits.utf8.count) + digits
    }

    private func scatter(_ number: Int, _ count: Int) -> Int {
        Int(SeededRandom.mix(UInt64(number)).multipliedFullWidth(by: UInt64(count)).high)
    }
}
