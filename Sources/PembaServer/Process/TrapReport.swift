// Pemba: where the program broke a rule of its own.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc

/// Says on standard error where the program trapped, before it ends by the signal.
///
/// An optimised program stops at a broken invariant without a word: the compiler leaves the messages of `precondition` out.
/// What it keeps is one trapping instruction for each of them, so the address of that instruction names the line.
///
/// The handler runs in the middle of whatever broke. So it allocates nothing and calls only what POSIX lets a handler call:
/// the line is made before, and the handler puts the address into it.
package enum TrapReport {
    /// The line to write; `nil` before ``install()``, never freed.
    private nonisolated(unsafe) static var line: UnsafeMutableBufferPointer<UInt8>?
    /// Where the address's digits stand in it.
    private nonisolated(unsafe) static var digits = 0
    /// Where the program lies in memory: what is subtracted from an address to find it in the program's file.
    private nonisolated(unsafe) static var base: UInt = 0
    /// What the signals did before: they still do it afterwards.
    private nonisolated(unsafe) static var previous = (illegal: sigaction(), trap: sigaction())

    private static let digitCount = 16

    /// Begins to report; called once, before there is a second thread, which is why the state above needs no lock.
    package static func install() {
        precondition(line == nil, "traps are reported once")
        let words = """
            a rule of the program itself was broken, and the node stops; report it with its flight recording and with what this \
            prints: llvm-symbolizer --obj=\(programPath()) 0x
            """
        let bytes = Array(words.utf8) + Array(repeating: 0x30, count: digitCount) + [0x0A]
        let buffer = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: bytes.count)
        _ = buffer.initialize(from: bytes)
        line = buffer
        digits = words.utf8.count
        base = programBase()

        var action = sigaction()
        action.__sigaction_handler.sa_sigaction = { number, information, _ in TrapReport.handle(number, information) }
        action.sa_flags = SA_SIGINFO
        sigaction(SIGILL, &action, &previous.illegal)
        sigaction(SIGTRAP, &action, &previous.trap)
    }

    private static func handle(_ number: Int32, _ information: UnsafeMutablePointer<siginfo_t>?) {
        guard let information, let line else { return }
        // Only the processor's own traps have an address; a signal that somebody sent says nothing of the program.
        let isSent = information.pointee.si_code <= 0
        if !isSent {
            var rest = UInt(bitPattern: information.pointee._sifields._sigfault.si_addr) &- base
            for place in stride(from: digits + digitCount - 1, through: digits, by: -1) {
                let digit = UInt8(truncatingIfNeeded: rest & 0xF)
                line[place] = digit < 10 ? 0x30 + digit : 0x57 + digit
                rest >>= 4
            }
            // Whoever does not read what the node says must not keep it from ending.
            var output = pollfd(fd: STDERR_FILENO, events: Int16(POLLOUT), revents: 0)
            if poll(&output, 1, 0) == 1, output.revents == Int16(POLLOUT) {
                _ = write(STDERR_FILENO, line.baseAddress, line.count)
            }
        }
        if number == SIGILL { sigaction(number, &previous.illegal, nil) }
        if number == SIGTRAP { sigaction(number, &previous.trap, nil) }
        // The trapping instruction is executed again when this returns, and does what it would have done.
        if isSent { raise(number) }
    }

    private static func programPath() -> String {
        (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? "pembad"
    }

    /// The difference between the addresses of this program in memory and in its file: where it begins, which is the first
    /// thing that `/proc/self/maps` says.
    private static func programBase() -> UInt {
        let maps = (try? String(contentsOfFile: "/proc/self/maps", encoding: .utf8)) ?? ""
        return UInt(maps.prefix { $0 != "-" }, radix: 16) ?? 0
    }
}
