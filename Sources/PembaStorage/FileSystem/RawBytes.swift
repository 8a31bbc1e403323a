// Pemba: arrays as raw memory, with the error type of the closure.
// SPDX-License-Identifier: Apache-2.0

extension Array where Element == UInt8 {
    /// As `withUnsafeBytes`, which forgets the type of what is thrown.
    func withRawBytes<Value, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Value
    ) throws(Failure) -> Value {
        try withUnsafeBufferPointer { bytes throws(Failure) in try body(UnsafeRawBufferPointer(bytes)) }
    }

    /// As `withUnsafeMutableBytes`, which forgets the type of what is thrown.
    mutating func withMutableRawBytes<Value, Failure: Error>(
        _ body: (UnsafeMutableRawBufferPointer) throws(Failure) -> Value
    ) throws(Failure) -> Value {
        try withUnsafeMutableBufferPointer { bytes throws(Failure) in
            try body(UnsafeMutableRawBufferPointer(bytes))
        }
    }
}
