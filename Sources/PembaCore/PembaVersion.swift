// Pemba: the version of the software.
// SPDX-License-Identifier: Apache-2.0

/// The version that nodes and tools report.
public enum PembaVersion {
    /// Semantic version of this source tree.
    public static let current = "0.1.0"
}
