// Pemba: what a client that knows only TLS 1.2 says first.
// SPDX-License-Identifier: Apache-2.0

/// The first bytes of `openssl s_client -tls1_2 -alpn pemba/1`, recorded once.
enum RecordedHello {
    static let tls12: [UInt8] = {
        let digits = Array(hexadecimal.utf8.filter { $0 != UInt8(ascii: "\n") })
        return stride(from: 0, to: digits.count, by: 2).compactMap { position in
            UInt8(String(decoding: digits[position..<position + 2], as: UTF8.self), radix: 16)
        }
    }()

    private static let hexadecimal = """
        16030100c5010000c103034f7a35621d6764d969cee988423927e5e96a7b20341da6a007f45ea70b6b950a000038c02cc030
        009fcca9cca8ccaac02bc02f009ec024c028006bc023c0270067c00ac0140039c009c0130033009d009c003d003c0035002f
        00ff01000060000b000403000102000a000c000a001d0017001e00190018002300000010000a00080770656d62612f310016
        000000170000000d002a0028040305030603080708080809080a080b08040805080604010501060103030301030204020502
        0602
        """
}
