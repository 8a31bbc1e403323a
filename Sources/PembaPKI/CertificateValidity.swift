// Pemba: from when until when a certificate is valid.
// SPDX-License-Identifier: Apache-2.0

import Glibc
package import PembaCore

/// From when until when a certificate is valid.
package struct CertificateValidity: Equatable, Sendable {
    /// The first moment.
    package var notBefore: Timestamp
    /// The last moment.
    package var notAfter: Timestamp

    /// How long before its issue a certificate begins to be valid, for machines whose clocks are behind.
    static let clockAllowanceSeconds: Int64 = 300

    private static let secondsPerDay: Int64 = 86_400
    private static let nanosecondsPerSecond: Int64 = 1_000_000_000

    /// Makes a validity of its two ends.
    package init(notBefore: Timestamp, notAfter: Timestamp) {
        self.notBefore = notBefore
        self.notAfter = notAfter
    }

    /// From a little before now until so many days from now.
    package static func days(_ days: Int) -> CertificateValidity {
        let now = Int64(Glibc.time(nil))
        return CertificateValidity(
            notBefore: Timestamp(nanoseconds: (now - clockAllowanceSeconds) * nanosecondsPerSecond),
            notAfter: Timestamp(nanoseconds: (now + Int64(days) * secondsPerDay) * nanosecondsPerSecond)
        )
    }

    /// What an authority gets unless told otherwise: ten years.
    package static var authority: CertificateValidity { .days(3_650) }

    /// What nodes and clients get unless told otherwise: one year.
    package static var leaf: CertificateValidity { .days(365) }
}

extension Timestamp {
    /// Whole seconds since the Unix epoch, which is all that certificates know.
    var wholeSeconds: Int { Int(nanoseconds / 1_000_000_000) }
}
