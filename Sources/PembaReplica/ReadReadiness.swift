// Pemba: whether a read may be evaluated now.
// SPDX-License-Identifier: Apache-2.0

package import PembaService

/// What `Replica.readiness` says of a read.
package enum ReadReadiness: Sendable, Equatable {
    /// Evaluate it now, against the applied state.
    case ready
    /// Step `.awaitRead`; `readReady` or `readFailed` follows.
    case wait
    /// It cannot be served by this node; answer with the error.
    case refused(ServiceError)
}
