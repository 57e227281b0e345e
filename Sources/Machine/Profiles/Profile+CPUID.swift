/// What CPUID answers: the features that are shown, the part's names, and a package of one core.
///
/// SDM vol. 2A, "CPUID"; AMD APM vol. 3, "Obtaining Processor Information Via the CPUID Instruction". A leaf that is not here is zero.

extension Profile {
  typealias CPUIDAnswer = (UInt32, UInt32, UInt32, UInt32)

  func cpuid(leaf: UInt32, subleaf: UInt32, osxsave: Bool, apicEnabled: Bool) -> CPUIDAnswer {
    switch leaf {
    case 0:
      let words = Self.words(vendor == .intel ? "GenuineIntel" : "AuthenticAMD", count: 3)
      return (lastLeaf, words[0], words[2], words[1])
    case 1:
      var d = features.leaf1D
      if !apicEnabled { d &= ~(1 << 9) }
      // A line of 64 bytes for CLFLUSH; local APIC 0.
      return (signature, 8 << 8 | threadsPerCore << 16, features.leaf1C, d)
    case 7: return leaf7(subleaf)
    case 0xB, 0x1F: return leaf <= lastLeaf ? topology(subleaf) : (0, 0, 0, 0)
    case 0x1A: return (coreType, 0, 0, 0)
    default: return leaf >= 0x8000_0000 ? extended(leaf) : (0, 0, 0, 0)
    }
  }

  private func leaf7(_ subleaf: UInt32) -> CPUIDAnswer {
    switch subleaf {
    case 0:
      let last: UInt32 = features.leaf72D != 0 ? 2 : features.leaf71A != 0 ? 1 : 0
      return (last, features.leaf7B, features.leaf7C, features.leaf7D)
    case 1: return (features.leaf71A, 0, 0, 0)
    case 2: return (0, 0, 0, features.leaf72D)
    default: return (0, 0, 0, 0)
    }
  }

  /// One core of `threadsPerCore`, number 0.
  private func topology(_ subleaf: UInt32) -> CPUIDAnswer {
    guard vendor == .intel else { return (0, 0, 0, 0) }
    let shift = UInt32((threadsPerCore - 1).nonzeroBitCount)
    return switch subleaf {
    case 0: (shift, threadsPerCore, 1 << 8 | subleaf, 0)
    case 1: (shift, threadsPerCore, 2 << 8 | subleaf, 0)
    default: (0, 0, subleaf, 0)
    }
  }

  private func extended(_ leaf: UInt32) -> CPUIDAnswer {
    switch leaf {
    case 0x8000_0000:
      let words = Self.words(vendor == .intel ? "" : "AuthenticAMD", count: 3)
      return (lastExtendedLeaf, words[0], words[2], words[1])
    case 0x8000_0001:
      return (vendor == .amd ? signature : 0, 0, features.extended1C, features.extended1D)
    case 0x8000_0002, 0x8000_0003, 0x8000_0004:
      let words = Self.words("\(brand)", count: 12)
      let at = Int(leaf - 0x8000_0002) * 4
      return (words[at], words[at + 1], words[at + 2], words[at + 3])
    // Invariant TSC.
    case 0x8000_0007: return (0, 0, 0, 1 << 8)
    case 0x8000_0008:
      // NC: threads of the package but one (AMD).
      return (
        UInt32(Self.physicalAddressBits) | 48 << 8, features.extended8B, vendor == .amd ? threadsPerCore - 1 : 0, 0
      )
    // Core 0 of node 0.
    case 0x8000_001E where features.extended1C & 1 << 22 != 0: return (0, (threadsPerCore - 1) << 8, 0, 0)
    case 0x8000_0021 where leaf <= lastExtendedLeaf: return (features.extended21A, 0, features.extended21C, 0)
    default: return (0, 0, 0, 0)
    }
  }

  /// The text as little-endian words, padded with zeros.
  private static func words(_ text: String, count: Int) -> [UInt32] {
    var bytes = Array(text.utf8)
    bytes += [UInt8](repeating: 0, count: max(0, count * 4 - bytes.count))
    return (0..<count).map { i in
      (0..<4).reduce(0) { $0 | UInt32(bytes[i * 4 + $1]) << UInt32($1 * 8) }
    }
  }
}
