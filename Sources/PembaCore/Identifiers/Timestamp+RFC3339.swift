// Pemba: the text form of timestamps.
// SPDX-License-Identifier: Apache-2.0

extension Timestamp {
    /// Reads RFC 3339, as far as 64 bits of nanoseconds reach: from September 1677 to April 2262.
    public init(rfc3339 text: String) throws(TimestampTextError) {
        let instant = try CivilInstant(rfc3339: text)
        guard let timestamp = Timestamp(instant) else {
            throw TimestampTextError(
                text: text,
                reason: "nanoseconds since 1970 reach from 1677-09-21T00:12:43Z to 2262-04-11T23:47:16Z only"
            )
        }
        self = timestamp
    }

    /// The same point as `instant`; nil where 64 bits of nanoseconds do not reach.
    public init?(_ instant: CivilInstant) {
        // The whole seconds of the earliest timestamps are out of reach although the sum is not.
        let isBefore = instant.seconds < 0 && instant.nanoseconds > 0
        let seconds = isBefore ? instant.seconds + 1 : instant.seconds
        let rest = Int64(instant.nanoseconds) - (isBefore ? 1_000_000_000 : 0)
        let (whole, isTooFar) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        let (sum, overflows) = whole.addingReportingOverflow(rest)
        guard !isTooFar, !overflows else { return nil }
        self.init(nanoseconds: sum)
    }

    /// The text in UTC, with as many digits of fraction as the timestamp needs.
    public var rfc3339: String { CivilInstant(self).rfc3339 }
}
