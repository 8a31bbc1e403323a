// Pemba: long texts in messages.
// SPDX-License-Identifier: Apache-2.0

extension String {
    /// The text itself, or its beginning if it is long.
    ///
    /// Messages quote what was given, and that may be large: they are kept in sessions, and read by people.
    package func abbreviated(to scalarsMax: Int = 200) -> String {
        // A scalar has at least one byte, so that short texts are not counted.
        guard utf8.count > scalarsMax, unicodeScalars.count > scalarsMax else { return self }
        return String(unicodeScalars.prefix(scalarsMax)) + "…"
    }
}
