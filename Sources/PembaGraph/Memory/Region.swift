// Pemba: address space reserved once.
// SPDX-License-Identifier: Apache-2.0

import Glibc

/// A zeroed array whose address space is reserved at once and whose memory comes page by page as it is touched.
///
/// It never moves, so that references into it stay valid for readers however it grows. The owner calls `release`.
struct Region<Element: BitwiseCopyable> {
    /// The first element.
    let base: UnsafeMutablePointer<Element>
    /// How many elements fit.
    let capacity: Int
    private let byteCount: Int

    /// Reserves room for `capacity` elements.
    init(capacity: Int, hugePages: Bool) {
        let byteCount = capacity * MemoryLayout<Element>.stride
        let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
        let address = mmap(nil, byteCount, PROT_READ | PROT_WRITE, flags, -1, 0)
        guard let address, Int(bitPattern: address) != -1 else {
            preconditionFailure("the system refuses \(byteCount) bytes of address space (see `ulimit -v`)")
        }
        if hugePages { _ = madvise(address, byteCount, MADV_HUGEPAGE) }
        self.base = address.bindMemory(to: Element.self, capacity: capacity)
        self.capacity = capacity
        self.byteCount = byteCount
    }

    /// Gives the address space back.
    func release() { _ = munmap(base, byteCount) }
}
