// Pemba: compiling schemas before they are sent.
// SPDX-License-Identifier: Apache-2.0

package import PembaSchema

/// Compiles schemas for the tools, with every diagnostic and the file's name.
package enum SchemaCheck {
    /// The compiled schema; the error holds every diagnostic with its place in the file `name`.
    @discardableResult
    package static func require(_ source: String, name: String) throws(ToolError) -> CompiledSchema {
        do {
            return try SchemaCompiler.compile(source)
        } catch {
            throw ToolError("the schema has errors\n" + error.rendered(file: name))
        }
    }
}
