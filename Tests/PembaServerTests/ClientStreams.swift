// Pemba: names for the client's streams beside the node's own.
// SPDX-License-Identifier: Apache-2.0

import PembaClient

/// What a lookup of resources gives to a client; the node has an `AnswerStream`, too.
typealias ResourceStream = AnswerStream<FoundResource, LookupEnd>

/// What a watch gives to a client.
typealias ChangeStream = AnswerStream<WatchEvent, Never>
