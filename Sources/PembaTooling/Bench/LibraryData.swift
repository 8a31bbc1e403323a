// Pemba: the data of lookups.
// SPDX-License-Identifier: Apache-2.0

package import PembaClient
package import PembaCore

/// A million books on ten thousand shelves, with readers of a few and of all.
///
/// One reader can view ten thousand books through circles, one can view all, and one book can be viewed by ten thousand
/// readers through nested circles. Ids have 16 bytes.
package enum LibraryData {
    private static let shelves = 10_000
    private static let booksPerShelf = 100

    /// Definitions to add to those of `BenchmarkData`.
    package static let schema = """
        definition circle {
            relation member: user | circle#member
        }
        definition shelf {
            relation viewer: user | circle#member
            permission view = viewer
        }
        definition book {
            relation shelf: shelf
            relation viewer: user | circle#member
            permission view = viewer + shelf->view
        }
        """

    /// How many books there are.
    package static let bookCount = shelves * booksPerShelf

    /// What the reader of some may view, in books.
    package static let someCount = 10_000

    /// How many readers the popular book has.
    package static let readerCount = 10_000

    /// Who can view `someCount` books.
    package static let readerOfSome = SubjectReference(type: "user", id: "reader-of-some00")

    /// Who can view all of them.
    package static let readerOfAll = SubjectReference(type: "user", id: "reader-of-all000")

    /// What `readerCount` readers can view.
    package static let popularBook = ObjectReference(type: "book", id: "popular-book0000")

    /// What is asked of books.
    package static let view = TypePermission(type: "book", permission: "view")

    /// The tuples: first those of readers and shelves, then one for each book.
    package static var tuples: some Sequence<RelationTuple> {
        let first = circles() + shelfTuples()
        let books = (0..<bookCount).lazy.map { number in
            tuple("book", id("book", number), "shelf", subject("shelf", id("shelf", number / booksPerShelf)))
        }
        return [AnySequence(first), AnySequence(books)].lazy.joined()
    }

    /// Who is in which circle.
    private static func circles() -> [RelationTuple] {
        let everybody = id("everybody", 0)
        var tuples = [tuple("circle", everybody, "member", readerOfAll)]
        for circle in 0..<10 { tuples.append(tuple("circle", id("circle", circle), "member", readerOfSome)) }
        // Ten circles of ten circles of a hundred readers.
        let readers = id("readers", 0)
        tuples.append(tuple("book", popularBook.id, "viewer", subject("circle", readers, "member")))
        for outer in 0..<10 {
            tuples.append(tuple("circle", readers, "member", subject("circle", id("outer", outer), "member")))
            for inner in (outer * 10)..<(outer * 10 + 10) {
                tuples.append(
                    tuple("circle", id("outer", outer), "member", subject("circle", id("inner", inner), "member"))
                )
                for reader in (inner * 100)..<(inner * 100 + 100) {
                    tuples.append(tuple("circle", id("inner", inner), "member", subject("user", id("user", reader))))
                }
            }
        }
        return tuples
    }

    /// Who can view which shelf: everybody all of them, and each of ten circles ten, spread over all.
    private static func shelfTuples() -> [RelationTuple] {
        var tuples = (0..<shelves).map {
            tuple("shelf", id("shelf", $0), "viewer", subject("circle", id("everybody", 0), "member"))
        }
        for circle in 0..<10 {
            for place in 0..<10 {
                let shelf = id("shelf", (circle * 10 + place) * 97 % shelves)
                tuples.append(tuple("shelf", shelf, "viewer", subject("circle", id("circle", circle), "member")))
            }
        }
        return tuples
    }

    private static func id(_ prefix: String, _ number: Int) -> String {
        let digits = String(number)
        return prefix + "-" + String(repeating: "0", count: 15 - prefix.utf8.count - digits.utf8.count) + digits
    }

    private static func subject(_ type: String, _ id: String, _ relation: String? = nil) -> SubjectReference {
        SubjectReference(type: type, id: id, relation: relation)
    }

    private static func tuple(
        _ type: String,
        _ id: String,
        _ relation: String,
        _ subject: SubjectReference
    ) -> RelationTuple {
        RelationTuple(resource: ObjectReference(type: type, id: id), relation: relation, subject: subject)
    }
}
