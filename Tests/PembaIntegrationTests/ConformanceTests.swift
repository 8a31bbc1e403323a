// Pemba: SpiceDB's validation files, through the command line.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import PembaTestSupport
import PembaTooling
import Testing

@Suite(.serialized, .enabled(if: Conformance.isAvailable, "PEMBA_CONFORMANCE names no folder with the data"))
struct ConformanceTests {
    /// The files that use neither caveats nor expiration.
    private static let files = Conformance.files(in: "spicedb/testconfigs", suffix: ".yaml").map(\.path).filter {
        path in
        guard let text = try? TextFile.read(path) else { return false }
        return !text.contains("caveat") && !text.contains("expiration")
    }

    @Test func validationFilesHoldInProcess() async throws {
        #expect(ConformanceTests.files.count > 30)
        let outcome = try await Programs.run(Programs.clusterctl, ["validate"] + ConformanceTests.files)
        #expect(outcome.status == 0, "\(outcome.output)\(outcome.errors)")
    }

    @Test func validationFilesHoldOnARunningCluster() async throws {
        try await withCluster { cluster in
            let outcome = try await Programs.run(
                Programs.clusterctl,
                ["validate", "--live", "--cluster", cluster.folder + "/cluster.yaml"] + ConformanceTests.files
            )
            #expect(outcome.status == 0, "\(outcome.output)\(outcome.errors)")
        }
    }
}
