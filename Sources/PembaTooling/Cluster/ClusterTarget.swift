// Pemba: connecting to a cluster.
// SPDX-License-Identifier: Apache-2.0

package import PembaClient
import PembaCore
import PembaService

/// Which cluster, as whom, and how long a request may take.
package struct ClusterTarget {
    private let endpoints: [String]
    private let ca: String
    private let credential: ClusterContext.Credential
    private let timeout: Duration

    package init(endpoints: [String], ca: String, credential: ClusterContext.Credential, timeout: Duration) {
        self.endpoints = endpoints
        self.ca = ca
        self.credential = credential
        self.timeout = timeout
    }

    package init(context: ClusterContext, timeout: Duration) {
        self.init(endpoints: context.endpoints, ca: context.ca, credential: context.credential, timeout: timeout)
    }
}
