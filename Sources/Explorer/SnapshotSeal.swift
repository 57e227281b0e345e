/// What a snapshot in the cache must agree with before it is used: a cache can be cut short, overwritten or mixed up.
///
/// It covers the state of processor and platform whole, and of RAM one word of every page: enough to recognise a file that
/// is truncated or another's, and not each flipped bit.
import Foundation
import KernelImage

struct SnapshotSeal {
  let text: String

  init?(_ archive: ComputerArchive, memory descriptor: Int32) {
    guard let sample = Self.sample(descriptor) else { return nil }
    let state = SHA256.hexadecimal(of: archive.processor + archive.platform)
    text = "\(archive.processor.count) \(archive.platform.count) \(state) \(String(sample, radix: 16))\n"
  }

  /// lseek(2): the next place that holds bytes, and the next that holds none.
  private static let data: Int32 = 3
  private static let hole: Int32 = 4

  /// A digest of one word of every page, each page's at another offset; nil where the file cannot be read.
  private static func sample(_ descriptor: Int32) -> UInt64? {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    var end: off_t = 0
    while true {
      let start = lseek(descriptor, end, data)
      if start < 0 { return errno == ENXIO ? hash : nil }
      end = lseek(descriptor, start, hole)
      guard end > start else { return nil }
      for page in stride(from: start & ~4095, to: end, by: 4096) {
        var word: UInt64 = 0
        let count = withUnsafeMutableBytes(of: &word) { pread(descriptor, $0.baseAddress, 8, page + page >> 9 & 4088) }
        guard count >= 0 else { return nil }
        if word != 0 { hash = (hash ^ word ^ UInt64(page)) &* 0x0000_0100_0000_01B3 ^ hash >> 29 }
      }
    }
  }
}
