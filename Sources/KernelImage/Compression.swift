import CLZ4
import CLZMA
import CZlib
import CZstd

/// The payload compressions of bzImage (Linux, Documentation/arch/x86/boot.rst, "payload_offset"), unpacked by their libraries
/// into a buffer of the promised size and not one byte more, so that a decompression bomb ends where its promise ends.
/// The buffer's pages are touched only as output arrives: a large promise alone costs no memory.
public enum Compression: String, Sendable, CaseIterable {
  case gzip, bzip2, lzma, xz, lzo, lz4, zstd

  var magic: [UInt8] {
    switch self {
    case .gzip: return [0x1f, 0x8b]
    case .bzip2: return [0x42, 0x5a]
    case .lzma: return [0x5d, 0x00]
    case .xz: return [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]
    case .lzo: return [0x89, 0x4c, 0x5a]
    case .lz4: return [0x02, 0x21, 0x4c, 0x18]
    case .zstd: return [0x28, 0xb5, 0x2f, 0xfd]
    }
  }

  static func detect(_ bytes: [UInt8], at offset: Int) -> Compression? {
    allCases.first { bytes.holds($0.magic, at: offset) }
  }

  /// What a library made of the payload: how many bytes it wrote, or why it stopped and at which byte of the payload.
  private enum Outcome {
    case wrote(Int)
    case refused(String, at: Int)
  }

  /// Nil for a compression that is only recognised.
  func unpack(_ image: ImageBytes, _ payload: Range<Int>, size: Int) throws(ImageError) -> [UInt8]? {
    let decoder: (UnsafeBufferPointer<UInt8>, UnsafeMutableBufferPointer<UInt8>) -> Outcome
    switch self {
    case .gzip: decoder = Compression.inflateGzip
    case .xz: decoder = Compression.decodeXZ
    case .lz4: decoder = Compression.decodeLZ4
    case .zstd: decoder = Compression.decodeZstd
    case .bzip2, .lzma, .lzo: return nil
    }
    var outcome = Outcome.wrote(0)
    let unpacked = [UInt8](unsafeUninitializedCapacity: size) { output, initialised in
      image.bytes.withUnsafeBufferPointer { input in
        // SAFETY: both buffers are exactly as long as the ranges they stand for, and each library is told that length.
        let output = UnsafeMutableBufferPointer(rebasing: output[0..<size])
        outcome = decoder(UnsafeBufferPointer(rebasing: input[payload]), output)
      }
      if case .wrote(let count) = outcome { initialised = count }
    }
    switch outcome {
    case .wrote(size): return unpacked
    case .wrote(let count):
      throw image.malformed(
        at: UInt64(payload.lowerBound), "the \(rawValue) payload unpacks to \(count) bytes and promises \(size)")
    case .refused(let reason, let at):
      throw image.malformed(at: UInt64(payload.lowerBound + at), "the \(rawValue) payload does not unpack: \(reason)")
    }
  }

  /// RFC 1952, "GZIP file format specification".
  private static func inflateGzip(
    _ input: UnsafeBufferPointer<UInt8>, _ output: UnsafeMutableBufferPointer<UInt8>
  ) -> Outcome {
    var stream = z_stream()
    stream.next_in = UnsafeMutablePointer(mutating: input.baseAddress)
    stream.avail_in = UInt32(input.count)
    stream.next_out = output.baseAddress
    stream.avail_out = UInt32(output.count)
    // 15 bits of window, and 16 more to ask for the gzip wrapper.
    guard inflateInit2_(&stream, 31, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
      return .refused("zlib could not start", at: 0)
    }
    defer { inflateEnd(&stream) }
    let code = inflate(&stream, Z_FINISH)
    let at = input.count - Int(stream.avail_in)
    if code == Z_STREAM_END { return .wrote(output.count - Int(stream.avail_out)) }
    if stream.avail_out == 0 { return .refused("more than the promised \(output.count) bytes", at: at) }
    return .refused(stream.msg.map { String(cString: $0) } ?? "truncated", at: at)
  }

  /// The .xz file format; the kernel's own stream has one x86 BCJ and one LZMA2 filter.
  private static func decodeXZ(
    _ input: UnsafeBufferPointer<UInt8>, _ output: UnsafeMutableBufferPointer<UInt8>
  ) -> Outcome {
    // The kernel's build uses a dictionary of up to 128 MiB.
    var memoryLimit: UInt64 = 256 << 20
    var consumed = 0
    var produced = 0
    let code = lzma_stream_buffer_decode(
      &memoryLimit, 0, nil, input.baseAddress, &consumed, input.count, output.baseAddress, &produced, output.count)
    switch code {
    case LZMA_OK where consumed == input.count: return .wrote(produced)
    case LZMA_OK: return .refused("bytes follow the end of the stream", at: consumed)
    case LZMA_BUF_ERROR: return .refused("more than the promised \(output.count) bytes, or truncated", at: consumed)
    case LZMA_MEMLIMIT_ERROR: return .refused("it asks for \(memoryLimit) bytes of dictionary", at: consumed)
    case LZMA_OPTIONS_ERROR: return .refused("a filter the library does not have", at: consumed)
    case LZMA_FORMAT_ERROR: return .refused("not an xz stream", at: consumed)
    default: return .refused("corrupt data (liblzma \(code.rawValue))", at: consumed)
    }
  }

  /// LZ4 frame format, "Legacy frame": the magic number, then blocks of a 32-bit length and data, each of 8 MiB unpacked but the last.
  private static func decodeLZ4(
    _ input: UnsafeBufferPointer<UInt8>, _ output: UnsafeMutableBufferPointer<UInt8>
  ) -> Outcome {
    let blockSize = 8 << 20
    let magic: UInt32 = 0x184c_2102
    var at = 4
    var written = 0
    while at < input.count {
      guard input.count - at >= 4 else { return .refused("truncated in a block's length", at: at) }
      let length = (0..<4).reduce(UInt32(0)) { $0 | UInt32(input[at + $1]) << UInt32(8 * $1) }
      if length == magic {  // Frames may be joined end to end.
        at += 4
        continue
      }
      guard length > 0, Int(length) <= min(input.count - at - 4, Int(LZ4_compressBound(Int32(blockSize)))) else {
        return .refused("a block of \(length) bytes with \(input.count - at - 4) left", at: at)
      }
      at += 4
      let room = min(blockSize, output.count - written)
      let block = UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(input)[at..<at + Int(length)])
      let free = UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(output)[written...])
      let count = LZ4_decompress_safe(
        block.assumingMemoryBound(to: CChar.self).baseAddress, free.assumingMemoryBound(to: CChar.self).baseAddress,
        Int32(length), Int32(room))
      guard count >= 0 else { return .refused("corrupt block, or more than the promised bytes", at: at) }
      at += Int(length)
      written += Int(count)
    }
    return .wrote(written)
  }

  /// RFC 8878, "Zstandard Compression".
  private static func decodeZstd(
    _ input: UnsafeBufferPointer<UInt8>, _ output: UnsafeMutableBufferPointer<UInt8>
  ) -> Outcome {
    let code = ZSTD_decompress(output.baseAddress, output.count, input.baseAddress, input.count)
    if ZSTD_isError(code) != 0 { return .refused(String(cString: ZSTD_getErrorName(code)), at: 0) }
    return .wrote(code)
  }
}
