// Pemba: a certificate before it is signed.
// SPDX-License-Identifier: Apache-2.0

import COpenSSL
import PembaTLS

/// What a certificate is to say.
struct CertificateDraft {
    /// What the certificate may be used for.
    enum Purpose {
        /// Signing the certificates of nodes and clients.
        case authority
        /// Both sides of TLS connections.
        case node
        /// The opening side of TLS connections.
        case client
    }

    /// One subject alternative name.
    enum AlternativeName {
        /// An identity of ours.
        case uri(String)
        /// A DNS name, or an IPv4 or IPv6 address.
        case host(String)
    }

    var commonName: String
    var purpose: Purpose
    var names: [AlternativeName]
    var validity: CertificateValidity

    /// X.509 version 3, as the field counts.
    private static let version = 2
    /// Random bytes in a serial number; 20 is the most that RFC 5280 allows.
    private static let serialBytes = 16
    /// 1950-01-01 and 9999-12-31: what the time formats of certificates span.
    private static let representableSeconds = -631_152_000...253_402_300_799

    /// Signs the certificate of `publicKey`; without an issuer it is self-signed.
    func sign(
        publicKey: borrowing KeyHandle,
        issuer: OpaquePointer?,
        issuerKey: borrowing KeyHandle
    ) throws(PKIError) -> CertificateHandle {
        ErrorQueue.clear()
        guard let pointer = X509_new() else { throw CertificateDraft.failure("X509_new") }
        let certificate = CertificateHandle(pointer)
        try require(X509_set_version(pointer, CertificateDraft.version), "X509_set_version")
        try require(X509_set_pubkey(pointer, publicKey.pointer), "X509_set_pubkey")
        try setSerial(pointer)
        try setValidity(pointer)
        let subject = X509_get_subject_name(pointer)
        let name = Array(commonName.utf8)
        let added = X509_NAME_add_entry_by_NID(subject, NID_commonName, MBSTRING_UTF8, name, CInt(name.count), -1, 0)
        try require(added, "X509_NAME_add_entry")
        try require(X509_set_issuer_name(pointer, X509_get_subject_name(issuer ?? pointer)), "X509_set_issuer_name")
        try addExtensions(to: pointer, issuer: issuer ?? pointer)
        guard X509_sign(pointer, issuerKey.pointer, EVP_sha256()) > 0 else {
            throw CertificateDraft.failure("X509_sign")
        }
        return certificate
    }

    private func setSerial(_ certificate: OpaquePointer) throws(PKIError) {
        var bytes = try Randomness.bytes(CertificateDraft.serialBytes)
        // Serial numbers are positive.
        bytes[0] = (bytes[0] & 0x7F) | 0x40
        guard let number = BN_bin2bn(bytes, CInt(bytes.count), nil) else { throw CertificateDraft.failure("BN_bin2bn") }
        defer { BN_free(number) }
        guard BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != nil else {
            throw CertificateDraft.failure("BN_to_ASN1_INTEGER")
        }
    }

    private func setValidity(_ certificate: OpaquePointer) throws(PKIError) {
        let begin = validity.notBefore.wholeSeconds
        let end = validity.notAfter.wholeSeconds
        guard begin <= end, CertificateDraft.representableSeconds.contains(begin),
            CertificateDraft.representableSeconds.contains(end)
        else { throw .invalidValidity }
        guard ASN1_TIME_set(X509_getm_notBefore(certificate), begin) != nil,
            ASN1_TIME_set(X509_getm_notAfter(certificate), end) != nil
        else { throw CertificateDraft.failure("ASN1_TIME_set") }
    }

    private func addExtensions(to certificate: OpaquePointer, issuer: OpaquePointer) throws(PKIError) {
        switch purpose {
        case .authority:
            try add(NID_basic_constraints, "critical,CA:TRUE,pathlen:0", to: certificate, issuer)
            try add(NID_key_usage, "critical,keyCertSign,cRLSign", to: certificate, issuer)
        case .node:
            try add(NID_basic_constraints, "critical,CA:FALSE", to: certificate, issuer)
            try add(NID_key_usage, "critical,digitalSignature", to: certificate, issuer)
            try add(NID_ext_key_usage, "serverAuth,clientAuth", to: certificate, issuer)
        case .client:
            try add(NID_basic_constraints, "critical,CA:FALSE", to: certificate, issuer)
            try add(NID_key_usage, "critical,digitalSignature", to: certificate, issuer)
            try add(NID_ext_key_usage, "clientAuth", to: certificate, issuer)
        }
        try add(NID_subject_key_identifier, "hash", to: certificate, issuer)
        if issuer != certificate { try add(NID_authority_key_identifier, "keyid:always", to: certificate, issuer) }
        if !names.isEmpty { try addNames(to: certificate) }
    }

    private func add(
        _ identifier: CInt,
        _ value: String,
        to certificate: OpaquePointer,
        _ issuer: OpaquePointer
    ) throws(PKIError) {
        var context = X509V3_CTX()
        X509V3_set_ctx(&context, issuer, certificate, nil, nil, 0)
        guard let made = X509V3_EXT_conf_nid(nil, &context, identifier, value) else {
            throw CertificateDraft.failure("X509V3_EXT_conf_nid")
        }
        defer { X509_EXTENSION_free(made) }
        try require(X509_add_ext(certificate, made, -1), "X509_add_ext")
    }

    /// The names are added as values and not as configuration text, in which a comma would begin another name.
    private func addNames(to certificate: OpaquePointer) throws(PKIError) {
        guard let list = GENERAL_NAMES_new() else { throw CertificateDraft.failure("GENERAL_NAMES_new") }
        defer { GENERAL_NAMES_free(list) }
        for name in names {
            switch name {
            case .uri(let uri):
                try require(pemba_general_names_add_text(list, GEN_URI, uri), "GENERAL_NAMES_add")
            case .host(let host):
                if pemba_general_names_add_address(list, host) == 1 { continue }
                guard CertificateDraft.isHostName(host) else { throw .invalidHost(host) }
                try require(pemba_general_names_add_text(list, GEN_DNS, host), "GENERAL_NAMES_add")
            }
        }
        let added = X509_add1_ext_i2d(certificate, NID_subject_alt_name, UnsafeMutableRawPointer(list), 0, 0)
        try require(added, "X509_add1_ext_i2d")
    }

    /// Letters, digits, hyphens and dots, no empty label, at most 253 bytes (RFC 1123, section 2.1).
    private static func isHostName(_ host: String) -> Bool {
        guard host.utf8.count <= 253 else { return false }
        return host.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { label in
            (1...63).contains(label.utf8.count) && label.first != "-" && label.last != "-"
                && label.utf8.allSatisfy { byte in
                    switch byte {
                    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
                        true
                    default: false
                    }
                }
        }
    }

    private func require(_ result: CInt, _ call: String) throws(PKIError) {
        guard result == 1 else { throw CertificateDraft.failure(call) }
    }

    private static func failure(_ call: String) -> PKIError { .tls(ErrorQueue.failure(call)) }
}
