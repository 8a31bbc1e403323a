// Pemba: cursors as text, for whoever keeps them somewhere.
// SPDX-License-Identifier: Apache-2.0

import PembaWire

extension LookupCursor {
    /// The cursor as text of letters, digits, `-` and `_`.
    public var text: String { Base64URL.encode(bytes) }

    /// Reads what `text` gave; nil if it is not that.
    public init?(text: String) {
        guard let bytes = Base64URL.decode(text), let cursor = LookupCursor(bytes: bytes) else { return nil }
        self = cursor
    }
}

extension ReadCursor {
    /// The cursor as text of letters, digits, `-` and `_`.
    public var text: String { Base64URL.encode(bytes) }

    /// Reads what `text` gave; nil if it is not that.
    public init?(text: String) {
        guard let bytes = Base64URL.decode(text), let cursor = ReadCursor(bytes: bytes) else { return nil }
        self = cursor
    }
}
