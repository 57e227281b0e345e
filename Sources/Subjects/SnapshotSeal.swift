/// What a snapshot in the cache must agree with before it is used: a cache can be cut short, overwritten, mixed up, or decay.
///
/// It covers every byte that is used: the state of processor and platform, and every page of RAM that is not all zero, with its
/// place. It finds damage; whoever may write to the cache can also write a seal (Documentation/Design.md, "The cache is trusted").
import Foundation
import KernelImage
import Platform

struct SnapshotSeal {
  let text: String

  /// `key` is the snapshot's name: another's folder under that name is none. Nil where RAM's file cannot be read.
  init?(_ archive: ComputerArchive, memory descriptor: Int32, key: String) {
    guard let memory = RAMDigest(file: descriptor) else { return nil }
    let state = SHA256.hexadecimal(of: archive.processor + archive.platform)
    text =
      "\(key) \(archive.processor.count) \(archive.platform.count) \(state) \(String(memory.value, radix: 16))\n"
  }
}

/// A digest of a sparse file of pages, in which holes and pages of zeros are one.
///
/// Each of four lanes takes every fourth word by a step that is invertible in the lane and in the word, and the lanes are joined
/// in the same way: files that differ within one word of eight bytes never have the same digest, others by chance of one in 2^64.
/// A cryptographic digest would take longer than the rest of the start.
struct RAMDigest {
  let value: UInt64

  /// lseek(2): the next place that holds bytes, and the next that holds none.
  private static let data: Int32 = 3
  private static let hole: Int32 = 4
  private static let page = 4096
  private static let bufferSize = 1 << 20

  private struct Lanes {
    var a: UInt64 = 0x9E37_79B9_7F4A_7C15
    var b: UInt64 = 0xBF58_476D_1CE4_E5B9
    var c: UInt64 = 0x94D0_49BB_1331_11EB
    var d: UInt64 = 0xD6E8_FEB8_6659_FD93
  }

  /// Nil where the file cannot be read.
  init?(file descriptor: Int32) {
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.bufferSize, alignment: 64)
    defer { buffer.deallocate() }
    var lanes = Lanes()
    var end: off_t = 0
    while true {
      let data = lseek(descriptor, end, Self.data)
      if data < 0 {
        guard errno == ENXIO else { return nil }
        break
      }
      end = lseek(descriptor, data, Self.hole)
      guard end > data else { return nil }
      var start = data & ~off_t(Self.page - 1)
      while start < end {
        let wanted = min(Self.bufferSize, (Int(end - start) + Self.page - 1) & ~(Self.page - 1))
        guard Self.read(descriptor, start, buffer, wanted) else { return nil }
        for offset in stride(from: 0, to: wanted, by: Self.page) {
          Self.absorb(
            UnsafeRawBufferPointer(rebasing: buffer[offset..<offset + Self.page]), UInt64(start) + UInt64(offset),
            &lanes)
        }
        start += off_t(wanted)
      }
      end = start
    }
    var joined = lanes.a
    for lane in [lanes.b, lanes.c, lanes.d] { joined = Self.step(joined, lane) }
    value = joined
  }

  @inline(__always) private static func step(_ lane: UInt64, _ word: UInt64) -> UInt64 {
    let mixed = (lane ^ word) &* 0x9FB2_1C65_1E98_DF25
    return mixed ^ mixed >> 32
  }

  private static func absorb(_ page: UnsafeRawBufferPointer, _ address: UInt64, _ lanes: inout Lanes) {
    var next = lanes
    next.a = step(next.a, address)
    var any: UInt64 = 0
    for offset in stride(from: 0, to: Self.page, by: 32) {
      let a = page.load(fromByteOffset: offset, as: UInt64.self)
      let b = page.load(fromByteOffset: offset + 8, as: UInt64.self)
      let c = page.load(fromByteOffset: offset + 16, as: UInt64.self)
      let d = page.load(fromByteOffset: offset + 24, as: UInt64.self)
      next.a = step(next.a, a)
      next.b = step(next.b, b)
      next.c = step(next.c, c)
      next.d = step(next.d, d)
      any |= a | b | c | d
    }
    if any != 0 { lanes = next }
  }

  /// Fills `count` bytes; what lies behind the end of the file is zero.
  private static func read(
    _ descriptor: Int32, _ start: off_t, _ buffer: UnsafeMutableRawBufferPointer, _ count: Int
  ) -> Bool {
    var filled = 0
    while filled < count {
      let got = pread(descriptor, buffer.baseAddress! + filled, count - filled, start + off_t(filled))
      if got < 0 && errno == EINTR { continue }
      if got < 0 { return false }
      if got == 0 {
        memset(buffer.baseAddress! + filled, 0, count - filled)
        return true
      }
      filled += got
    }
    return true
  }
}
