// Pemba: one node that the client connects to.
// SPDX-License-Identifier: Apache-2.0

/// One node that the client connects to.
///
/// Confined to the client's loop.
final class Endpoint {
    /// Where it is among the client's endpoints.
    let index: Int
    let address: NetworkAddress
    /// Its connections.
    var links: [NodeLink] = []
    /// Which node it was found to be; nil until it has said so.
    var node: NodeID?
    /// Why the last attempt to connect failed; nil since one succeeded.
    var failure: ClientError.Reason?
    /// Whether trying again cannot help, as with a certificate that is refused.
    var failureIsPermanent = false

    init(index: Int, address: NetworkAddress) {
        self.index = index
        self.address = address
    }
}
