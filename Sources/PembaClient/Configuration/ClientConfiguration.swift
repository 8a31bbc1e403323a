// Pemba: how a client reaches a cluster.
// SPDX-License-Identifier: Apache-2.0

import PembaTLS

/// How to reach a cluster, as whom, and how patiently.
public struct ClientConfiguration: Sendable {
    /// Certificates or a key in PEM form.
    public enum PEM: Sendable, Equatable {
        /// A file. A private key's mode must be 0600 or 0400.
        case file(String)
        /// The bytes themselves.
        case bytes([UInt8])

        func source(named name: String) -> PEMSource {
            switch self {
            case .file(let path): .file(path)
            case .bytes(let bytes): .bytes(bytes, name: name)
            }
        }
    }

    /// Who the client is.
    public enum Credentials: Sendable, Equatable {
        /// A client certificate of the cluster's authority, and its private key.
        case certificate(PEM, key: PEM)
        /// A bearer key.
        case bearerKey(String)
        /// A file that holds a bearer key and nothing else; its mode must be 0600 or 0400.
        case bearerKeyFile(String)
    }

    /// How often to try again what may be tried again, always within the request's deadline.
    public struct RetryPolicy: Sendable, Equatable {
        /// Attempts of one request at most, the first included.
        public var attempts = 100
        /// The pause before the second attempt at the same node; it doubles each time, with jitter.
        public var firstPause = Duration.milliseconds(10)
        /// The longest pause.
        public var longestPause = Duration.milliseconds(500)

        /// The defaults.
        public init() {}

        /// No second attempts.
        public static var never: RetryPolicy {
            var policy = RetryPolicy()
            policy.attempts = 1
            return policy
        }
    }

    /// The nodes to connect to; any of them will do, several make failover quick.
    public var endpoints: [NetworkAddress]
    /// The certificate of the authority that issued the nodes' certificates.
    public var authority: PEM
    /// Who the client is.
    public var credentials: Credentials
    /// The cluster that is meant; a node of another is refused.
    ///
    /// Nil: whichever answers.
    public var cluster: ClusterID?
    /// What the nodes call this client in their logs; at most 128 bytes.
    public var name = "pemba-client"
    /// How long a request may take, retries included, unless the call says otherwise.
    public var timeout = Duration.seconds(5)
    /// Connections to each endpoint.
    public var connectionsPerEndpoint = 1
    /// Requests that wait or are in flight at most; more fail at once.
    public var requestsInFlight = 65_536
    /// How often to try again.
    public var retry = RetryPolicy()
    /// Whether to connect to the leader at the address that the nodes give for it, if no endpoint is the leader.
    public var connectsToLeader = true

    /// Everything without a default.
    public init(endpoints: [NetworkAddress], authority: PEM, credentials: Credentials) {
        self.endpoints = endpoints
        self.authority = authority
        self.credentials = credentials
    }

    /// What is wrong with the configuration; nil if nothing is.
    var problem: String? {
        if endpoints.isEmpty { return "there is no endpoint to connect to" }
        if !(1...1_024).contains(connectionsPerEndpoint) { return "connectionsPerEndpoint is from 1 to 1024" }
        if requestsInFlight < 1 { return "requestsInFlight is at least 1" }
        if timeout <= .zero { return "timeout is more than zero" }
        if retry.attempts < 1 { return "retry.attempts is at least 1" }
        return nil
    }
}
