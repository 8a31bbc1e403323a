// swift-tools-version: 6.2
// Pemba: a distributed authorization cluster.
// SPDX-License-Identifier: Apache-2.0

import PackageDescription

/// Settings of every Swift target.
///
/// Release keeps `precondition` and overflow traps: `-Ounchecked` is never used.
let swiftSettings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
]

/// A library target in `Sources/`.
func module(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: swiftSettings)
}

/// An executable target at `path`: argument parsing and wiring only.
func executable(_ name: String, path: String, _ dependencies: [Target.Dependency]) -> Target {
    .executableTarget(name: name, dependencies: dependencies, path: path, swiftSettings: swiftSettings)
}

/// The tests of the target `name`, in `Tests/<name>Tests`.
func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .testTarget(
        name: "\(name)Tests",
        dependencies: [.target(name: name), "PembaTestSupport"] + dependencies,
        swiftSettings: swiftSettings
    )
}

let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let nioHTTP1 = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let yams = Target.Dependency.product(name: "Yams", package: "Yams")
let histogram = Target.Dependency.product(name: "Histogram", package: "hdrhistogram-swift")
let deque = Target.Dependency.product(name: "DequeModule", package: "swift-collections")
let heap = Target.Dependency.product(name: "HeapModule", package: "swift-collections")

let package = Package(
    name: "pemba",
    products: [
        .library(name: "PembaClient", targets: ["PembaClient"]),
        .executable(name: "pembad", targets: ["pembad"]),
        .executable(name: "clusterctl", targets: ["clusterctl"]),
    ],
    traits: [
        .trait(name: "Mutants", description: "Bugs to choose from at run time, for the tests to find: docs/mutants.md.")
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", from: "0.2.0"),
    ],
    // Imports only point up this list; `.ci/run` checks it.
    targets: [
        .systemLibrary(name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CLZ4", pkgConfig: "liblz4", providers: [.apt(["liblz4-dev"])]),
        .target(name: "CPembaChecksum"),
        .target(name: "CPembaMemory"),
        .target(name: "CPembaSockets"),
        .target(name: "CPembaTLS", dependencies: ["COpenSSL"]),
        module("PembaCore", ["CPembaChecksum"]),
        module("PembaLinearizability", []),
        module("PembaSchema", ["PembaCore"]),
        module("PembaService", ["PembaCore"]),
        module("PembaGraph", ["CPembaMemory", "PembaCore", "PembaSchema", "PembaService"]),
        module("PembaRaft", ["PembaCore", deque]),
        module("PembaExplorer", ["PembaCore", "PembaRaft"]),
        module("PembaReplica", ["PembaCore", "PembaSchema", "PembaGraph", "PembaRaft", "PembaService", deque]),
        module("PembaWire", ["CLZ4", "PembaCore", "PembaRaft", "PembaService", "PembaReplica"]),
        module("PembaStorage", ["CLZ4", "COpenSSL", "PembaCore", "PembaRaft"]),
        module("PembaTLS", ["COpenSSL", "CPembaTLS", "PembaCore", "PembaService"]),
        module(
            "PembaTransport",
            ["CPembaSockets", "PembaCore", "PembaService", "PembaTLS", "PembaWire", nioCore, logging, deque, heap]
        ),
        module(
            "PembaServer",
            [
                "PembaCore", "PembaSchema", "PembaGraph", "PembaRaft", "PembaReplica", "PembaService", "PembaWire",
                "PembaStorage", "PembaTLS", "PembaTransport", nioCore, nioPosix, nioHTTP1, logging, yams, deque,
            ]
        ),
        module(
            "PembaClient",
            ["PembaCore", "PembaService", "PembaWire", "PembaTLS", "PembaTransport", nioCore, logging, deque]
        ),
        module("PembaPKI", ["COpenSSL", "PembaCore", "PembaService", "PembaTLS"]),
        module(
            "PembaTooling",
            [
                "PembaCore", "PembaLinearizability", "PembaSchema", "PembaGraph", "PembaService", "PembaClient",
                "PembaPKI",
                yams,
            ]
        ),
        module(
            "PembaSimulation",
            [
                "PembaCore", "PembaLinearizability", "PembaSchema", "PembaGraph", "PembaRaft", "PembaReplica",
                "PembaService", "PembaWire", "PembaStorage", deque,
            ]
        ),

        executable("pembad", path: "Sources/pembad", ["PembaServer", argumentParser, logging]),
        executable(
            "clusterctl",
            path: "tools/clusterctl",
            [
                "PembaCore", "PembaSchema", "PembaGraph", "PembaService", "PembaClient", "PembaPKI", "PembaTooling",
                argumentParser, logging,
            ]
        ),
        executable(
            "chaos",
            path: "tools/chaos",
            ["PembaCore", "PembaService", "PembaClient", "PembaPKI", "PembaTooling", argumentParser, logging]
        ),
        executable(
            "bench",
            path: "tools/bench",
            [
                "PembaCore", "PembaSchema", "PembaGraph", "PembaRaft", "PembaService", "PembaClient", "PembaTooling",
                nioCore, argumentParser, logging, histogram,
            ]
        ),
        executable(
            "sim",
            path: "tools/sim",
            ["PembaCore", "PembaExplorer", "PembaRaft", "PembaSimulation", argumentParser]
        ),

        .target(
            name: "PembaTestSupport",
            dependencies: ["PembaCore"],
            path: "Tests/PembaTestSupport",
            swiftSettings: swiftSettings
        ),
        tests("PembaCore", []),
        tests("PembaLinearizability", ["PembaCore"]),
        tests("PembaSchema", ["PembaCore"]),
        tests("PembaGraph", ["PembaCore", "PembaSchema", "PembaService"]),
        tests("PembaRaft", ["PembaCore"]),
        tests("PembaExplorer", ["PembaCore"]),
        tests("PembaReplica", ["PembaCore", "PembaSchema", "PembaGraph", "PembaRaft", "PembaService"]),
        tests("PembaWire", ["PembaCore", "PembaRaft", "PembaReplica", "PembaService"]),
        tests("PembaStorage", ["PembaCore", "PembaRaft"]),
        tests("PembaTLS", ["COpenSSL", "PembaCore", "PembaService", "PembaPKI"]),
        tests(
            "PembaTransport",
            ["PembaCore", "PembaService", "PembaTLS", "PembaWire", "PembaPKI", nioCore, logging]
        ),
        tests(
            "PembaServer",
            [
                "PembaCore", "PembaRaft", "PembaService", "PembaWire", "PembaStorage", "PembaTLS", "PembaTransport",
                "PembaPKI", "PembaClient", "PembaTooling", nioCore, nioPosix, logging,
            ]
        ),
        tests(
            "PembaClient",
            [
                "PembaCore", "PembaService", "PembaWire", "PembaTLS", "PembaTransport", "PembaPKI", nioCore, logging,
            ]
        ),
        tests("PembaPKI", ["COpenSSL", "PembaCore", "PembaService", "PembaTLS"]),
        tests("PembaTooling", ["PembaClient", "PembaCore", "PembaSchema", "PembaGraph", "PembaService"]),
        tests(
            "PembaSimulation",
            ["PembaCore", "PembaRaft", "PembaReplica", "PembaGraph", "PembaStorage", "PembaService", "sim"]
        ),
        // Real processes over loopback: the command line, the quickstart's promises, bad input and chaos.
        .testTarget(
            name: "PembaIntegrationTests",
            dependencies: [
                "PembaTestSupport", "PembaCore", "PembaRaft", "PembaService", "PembaClient", "PembaPKI", "PembaTooling",
                "PembaTLS", "PembaTransport", "PembaWire", "pembad", "clusterctl", "chaos", nioCore, logging,
            ],
            swiftSettings: swiftSettings
        ),
    ]
)
