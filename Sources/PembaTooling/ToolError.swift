// Pemba: errors of the tools.
// SPDX-License-Identifier: Apache-2.0

/// A sentence for the person at the terminal: which input, which rule, and the way out.
package struct ToolError: Error, Equatable, CustomStringConvertible {
    /// The sentence, without the tool's name and without a full stop.
    package let description: String

    package init(_ description: String) { self.description = description }
}
