// Pemba: validation files, checked in this process.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaGraph
import PembaSchema
import PembaService

/// What became of one assertion of a validation file.
package struct AssertionOutcome: Equatable, Sendable {
    /// What an assertion got.
    package enum Answer: Equatable, Sendable {
        case permissionship(Permissionship)
        case failed(String)
    }

    /// The assertion.
    package let check: ExpectedCheck
    /// What it got.
    package let answer: Answer

    package init(check: ExpectedCheck, answer: Answer) {
        self.check = check
        self.answer = answer
    }

    /// Whether the answer is the expected one; where none is expected, whether there is an answer.
    package var holds: Bool {
        switch answer {
        case .permissionship(let permissionship): check.expected.map { $0 == permissionship } ?? true
        case .failed: false
        }
    }
}
