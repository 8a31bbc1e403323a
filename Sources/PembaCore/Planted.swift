// Pemba: bugs planted on purpose, to prove that they would be found.
// SPDX-License-Identifier: Apache-2.0

#if Mutants
#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#else
internal import Darwin
#endif

/// The name of the bug that this process has.
private let plantedBug = getenv("PEMBA_MUTANT").map { Array(String(cString: $0).utf8) } ?? []

/// Whether this process has the bug `name`, which the environment variable `PEMBA_MUTANT` chooses.
package func planted(_ name: StaticString) -> Bool {
    name.utf8CodeUnitCount == plantedBug.count && name.withUTF8Buffer { $0.elementsEqual(plantedBug) }
}
#else
/// Whether this process has the bug `name`: never.
///
/// Only builds with the package trait `Mutants` have bugs to choose from (`docs/mutants.md`). In all others the name
/// and what it would do are removed by the optimiser.
@inlinable
@inline(__always)
package func planted(_ name: StaticString) -> Bool { false }
#endif
