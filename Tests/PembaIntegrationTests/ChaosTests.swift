// Pemba: a short run under fire.
// SPDX-License-Identifier: Apache-2.0

import PembaTestSupport
import PembaTooling
import Testing

@Suite(.serialized) struct ChaosTests {
    @Test func nothingAcknowledgedIsLostUnderFire() async throws {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        for seed in Seeds(short: 1, full: 10) {
            var options = ChaosRun.Options(
                duration: .seconds(25),
                seed: seed,
                program: Programs.pembad,
                folder: folder.path + "/\(seed)"
            )
            options.nodes = 3
            // A run in which nothing happened proves nothing.
            (options.least.writes, options.least.checks, options.least.newEnemyChecks) = (100, 100, 4)
            let result = try await ChaosRun(options) { _ in }.run()
            #expect(result.violations == [], "\(result.text)\n\(Seeds.replay(seed, "ChaosTests"))")
            #expect(result.acknowledgedWrites >= 100)
            #expect(result.checks >= 100)
            for name in ChaosHistory.NewEnemy.names {
                #expect(result.newEnemyChecks[name, default: 0] >= 4, "\(name): \(result.newEnemyChecks)")
            }
            #expect(result.kills > 0)
            #expect(result.pauses > 0)
        }
    }
}
