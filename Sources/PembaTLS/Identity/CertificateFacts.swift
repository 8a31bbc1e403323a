// Pemba: what is read from a certificate.
// SPDX-License-Identifier: Apache-2.0

import COpenSSL
import Glibc
package import PembaCore

extension CertificateHandle {
    /// Who the certificate says its owner is; one without a URI of ours names nobody.
    borrowing func identity() throws(TLSError) -> PeerIdentity { try Certificates.identity(of: pointer) }

    /// The end of its validity.
    package borrowing func expiry() -> Timestamp? { Certificates.time(X509_get0_notAfter(pointer)) }
}

/// Reading certificates that somebody else owns.
enum Certificates {
    /// Who the certificate says its owner is.
    ///
    /// Two URIs of ours, or one that cannot be read, are an error: whoever
    /// issued that certificate meant something that this version does not know.
    static func identity(of certificate: OpaquePointer) throws(TLSError) -> PeerIdentity {
        ErrorQueue.clear()
        guard let raw = X509_get_ext_d2i(certificate, NID_subject_alt_name, nil, nil) else {
            ErrorQueue.clear()
            return .none
        }
        let names = OpaquePointer(raw)
        defer { GENERAL_NAMES_free(names) }
        var found: PeerIdentity = .none
        for position in 0..<pemba_general_name_count(names) {
            var count: CInt = 0
            guard let name = pemba_general_name_at(names, position), let start = pemba_general_name_uri(name, &count)
            else {
                continue
            }
            let uri = String(decoding: UnsafeBufferPointer(start: start, count: Int(count)), as: UTF8.self)
            guard uri.hasPrefix(PeerIdentity.scheme) else { continue }
            guard let identity = PeerIdentity(uri: uri), found == .none else { throw .invalidIdentity(uri: uri) }
            found = identity
        }
        return found
    }

    /// A certificate's time in civil time.
    static func time(_ time: UnsafePointer<ASN1_TIME>?) -> Timestamp? {
        var parts = tm()
        guard let time, ASN1_TIME_to_tm(time, &parts) == 1 else { return nil }
        return Timestamp(nanoseconds: Int64(timegm(&parts)).multipliedReportingOverflow(by: 1_000_000_000).partialValue)
    }
}
