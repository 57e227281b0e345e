import Foundation

/// A Linux bzImage: the setup header and the compressed payload behind it.
/// Linux, Documentation/arch/x86/boot.rst, "The Real-Mode Kernel Header" and "Details of Header Fields".
///
///     0                 0x1f1        (setup_sects + 1) * 512        + payload_offset     + payload_length
///     | boot sector, setup header | ... | protected-mode kernel ... | compressed kernel, size:u32 | ... |
///
/// Only the payload is used: a PVH start enters the unpacked ELF and never runs the decompressor in front of it.
public struct BzImage: Sendable {
  /// The boot protocol's version, 0x020f for 2.15.
  public let version: UInt16
  public let compression: Compression
  /// Where the compressed kernel lies in the file, without the size behind it.
  public let payload: Range<Int>
  /// How many bytes the file says the payload unpacks to.
  public let unpackedSize: Int

  let image: ImageBytes

  /// No kernel is larger than this, and no payload may unpack to more.
  static let largestKernel = 1 << 30
  /// Beyond this a promise must be in proportion to the payload. Kernels shrink five to ten times; a few bytes that promise
  /// a GiB are not worth asking the machine for it.
  private static let unquestioned = 256 << 20

  private enum Field {
    static let setupSectors: UInt64 = 0x1f1
    static let bootFlag: UInt64 = 0x1fe
    static let headerMagic: UInt64 = 0x202
    static let version: UInt64 = 0x206
    static let kernelVersion: UInt64 = 0x20e
    static let payloadOffset: UInt64 = 0x248
    static let payloadLength: UInt64 = 0x24c
  }

  static func recognises(_ bytes: [UInt8]) -> Bool {
    bytes.holds([0x55, 0xaa], at: Int(Field.bootFlag)) && bytes.holds(Array("HdrS".utf8), at: Int(Field.headerMagic))
  }

  public init(bytes: [UInt8], name: String) throws(ImageError) {
    try self.init(ImageBytes(bytes: bytes, name: name, part: .file))
  }

  init(_ image: ImageBytes) throws(ImageError) {
    guard BzImage.recognises(image.bytes) else {
      throw image.malformed(at: Field.headerMagic, "no Linux setup header")
    }
    self.image = image
    version = try image.read(UInt16.self, at: Field.version, for: "the boot protocol's version")
    guard version >= 0x0208 else {
      throw image.unsupported(
        at: Field.version, "boot protocol \(version >> 8).\(version & 0xff), older than 2.8, has no payload fields")
    }
    let sectors = try image.read(UInt8.self, at: Field.setupSectors, for: "setup_sects")
    let offset = try image.read(UInt32.self, at: Field.payloadOffset, for: "payload_offset")
    let length = try image.read(UInt32.self, at: Field.payloadLength, for: "payload_length")
    // A zero here means four sectors, for the sake of very old kernels.
    let protectedMode = (UInt64(sectors == 0 ? 4 : sectors) + 1) * 512
    let whole = try image.range(
      protectedMode + UInt64(offset), UInt64(length), for: "the payload", field: Field.payloadOffset)
    guard whole.count > 8 else {
      throw image.malformed(at: Field.payloadLength, "a payload of \(whole.count) bytes holds no kernel")
    }
    let sizeField = UInt64(whole.upperBound - 4)
    let size = try image.read(UInt32.self, at: sizeField, for: "the unpacked size")
    guard size > 0, size <= BzImage.largestKernel else {
      throw image.malformed(
        at: sizeField, "an unpacked size of \(size) bytes, where a kernel has 1 to \(BzImage.largestKernel)")
    }
    guard size <= max(BzImage.unquestioned, whole.count * 64) else {
      throw image.malformed(at: sizeField, "\(whole.count) bytes of payload are to unpack to \(size)")
    }
    guard let found = Compression.detect(image.bytes, at: whole.lowerBound) else {
      throw image.malformed(at: UInt64(whole.lowerBound), "the payload has no known compression's magic number")
    }
    compression = found
    unpackedSize = Int(size)
    // gzip's own trailer ends in the size; the other formats have it appended by the kernel's build.
    payload = found == .gzip ? whole : whole.lowerBound..<(whole.upperBound - 4)
  }

  /// The first word of what `kernel_version` points at, from 0x200 on: the release.
  var release: String? {
    guard let pointer = try? image.read(UInt16.self, at: Field.kernelVersion, for: "kernel_version"), pointer != 0
    else { return nil }
    return Self.release(at: Int(pointer) + 0x200, in: image.bytes)
  }

  /// A release as `init/version.c` makes it: it begins with a digit and ends at a blank, within 64 bytes (`__NEW_UTS_LEN`).
  static func release(at start: Int, in bytes: [UInt8]) -> String? {
    guard start < bytes.count, (0x30...0x39).contains(bytes[start]) else { return nil }
    let word = bytes[start...].prefix(65).prefix { (0x21...0x7E).contains($0) }
    return word.count <= 64 ? String(decoding: word, as: UTF8.self) : nil
  }

  /// The same of an ELF file, from `linux_banner`.
  static func release(inBannerOf bytes: [UInt8]) -> String? {
    let banner = Array("Linux version ".utf8)
    return bytes.withUnsafeBytes { raw in
      var from = 0
      while from + banner.count < raw.count, let base = raw.baseAddress,
        let found = memchr(base + from, Int32(banner[0]), raw.count - banner.count - from)
      {
        let start = UnsafeRawPointer(found) - base
        from = start + 1
        // A format of the same beginning, as linux_proc_banner, has no digit there.
        if memcmp(found, banner, banner.count) == 0, let release = release(at: start + banner.count, in: bytes) {
          return release
        }
      }
      return nil
    }
  }

  /// The kernel inside, of exactly `unpackedSize` bytes.
  public func unpack() throws(ImageError) -> [UInt8] {
    guard let unpacked = try compression.unpack(image, payload, size: unpackedSize) else {
      throw image.unsupported(at: UInt64(payload.lowerBound), "\(compression.rawValue) compression")
    }
    return unpacked
  }
}
