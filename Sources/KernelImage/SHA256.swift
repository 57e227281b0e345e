/// SHA-256. NIST FIPS 180-4, "SHA-256 Preprocessing" and "SHA-256 Hash Computation". It names images by content, for caches and reports.
import HostDigest

public struct SHA256: Sendable {
  private var state: [UInt32] = [
    0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19,
  ]
  /// What has come since the last whole block.
  private var pending: [UInt8] = []
  private var length: UInt64 = 0
  private let byHost: Bool

  /// - Parameter byHost: by the host's own instructions, where it has them.
  public init(byHost: Bool = true) { self.byHost = byHost }

  /// The digest in hexadecimal.
  public static func hexadecimal(of bytes: [UInt8]) -> String {
    var hash = SHA256()
    bytes.withUnsafeBytes { hash.update($0) }
    return hash.finish().map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }

  public mutating func update(_ bytes: UnsafeRawBufferPointer) {
    length &+= UInt64(bytes.count)
    var rest = bytes[...]
    if !pending.isEmpty {
      let head = rest.prefix(64 - pending.count)
      pending.append(contentsOf: head)
      rest = rest.dropFirst(head.count)
      guard pending.count == 64 else { return }
      digestSHA256(&state, pending, 1, byHost)
      pending.removeAll(keepingCapacity: true)
    }
    let blocks = rest.count / 64
    if blocks > 0, let base = bytes.baseAddress {
      let start = (base + rest.startIndex).assumingMemoryBound(to: UInt8.self)
      digestSHA256(&state, start, blocks, byHost)
    }
    pending.append(contentsOf: rest.dropFirst(blocks * 64))
  }

  /// The 32 bytes of the digest.
  public consuming func finish() -> [UInt8] {
    let bits = length &* 8
    var padding: [UInt8] = [0x80]
    padding.append(contentsOf: repeatElement(0, count: (119 - pending.count) % 64))
    padding.append(contentsOf: withUnsafeBytes(of: bits.bigEndian) { Array($0) })
    padding.withUnsafeBytes { update($0) }
    return state.flatMap { word in withUnsafeBytes(of: word.bigEndian) { Array($0) } }
  }
}
