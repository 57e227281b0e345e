import CLZ4
import CLZMA
import CZlib
import CZstd
import KernelImage

/// A bzImage around any payload, by the Linux boot protocol's "The Real-Mode Kernel Header", packed by the libraries' encoders.
enum SyntheticBzImage {
  static let setupSectors = 1
  static let payloadOffset = 16
  /// Where the payload begins in the file.
  static let payloadStart = (setupSectors + 1) * 512 + payloadOffset

  static func build(_ kernel: [UInt8], _ compression: Compression, promising size: UInt32? = nil) -> [UInt8] {
    var payload = ByteBuffer(bytes: pack(kernel, compression))
    let promise = size ?? UInt32(kernel.count)
    if compression == .gzip {
      payload.put(promise, at: payload.count - 4)
    } else {
      payload.append(promise)
    }
    return build(payload: payload.bytes)
  }

  static func build(payload: [UInt8]) -> [UInt8] {
    var file = ByteBuffer(bytes: [UInt8](repeating: 0, count: (setupSectors + 1) * 512 + payloadOffset))
    file.put(UInt8(setupSectors), at: 0x1f1)
    file.put(UInt16(0xaa55), at: 0x1fe)
    for (index, byte) in "HdrS".utf8.enumerated() { file.put(byte, at: 0x202 + index) }
    file.put(UInt16(0x020f), at: 0x206)
    file.put(UInt32(payloadOffset), at: 0x248)
    file.put(UInt32(payload.count), at: 0x24c)
    file.append(payload)
    return file.bytes
  }

  static func pack(_ kernel: [UInt8], _ compression: Compression) -> [UInt8] {
    let capacity = kernel.count + kernel.count / 8 + 4096
    switch compression {
    case .gzip:
      return [UInt8](unsafeUninitializedCapacity: capacity) { output, count in
        var stream = z_stream()
        deflateInit2_(&stream, 6, Z_DEFLATED, 31, 8, 0, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        var kernel = kernel
        kernel.withUnsafeMutableBufferPointer {
          stream.next_in = $0.baseAddress
          stream.avail_in = UInt32($0.count)
          stream.next_out = output.baseAddress
          stream.avail_out = UInt32(capacity)
          precondition(deflate(&stream, Z_FINISH) == Z_STREAM_END, "zlib did not pack a test image")
        }
        count = capacity - Int(stream.avail_out)
        deflateEnd(&stream)
      }
    case .xz:
      return [UInt8](unsafeUninitializedCapacity: capacity) { output, count in
        let code = lzma_easy_buffer_encode(
          0, LZMA_CHECK_CRC32, nil, kernel, kernel.count, output.baseAddress, &count, capacity)
        precondition(code == LZMA_OK, "liblzma did not pack a test image")
      }
    case .lz4:
      // The legacy frame: a magic number, then blocks behind their lengths.
      let block = [UInt8](unsafeUninitializedCapacity: capacity) { output, count in
        kernel.withUnsafeBytes { input in
          count = Int(
            LZ4_compress_default(
              input.assumingMemoryBound(to: CChar.self).baseAddress,
              UnsafeMutableRawBufferPointer(output).assumingMemoryBound(to: CChar.self).baseAddress,
              Int32(kernel.count), Int32(capacity)))
        }
      }
      var frame = ByteBuffer(bytes: [0x02, 0x21, 0x4c, 0x18])
      frame.append(UInt32(block.count))
      frame.append(block)
      return frame.bytes
    case .zstd:
      return [UInt8](unsafeUninitializedCapacity: capacity) { output, count in
        count = ZSTD_compress(output.baseAddress, capacity, kernel, kernel.count, 3)
        precondition(ZSTD_isError(count) == 0, "libzstd did not pack a test image")
      }
    // Not unpacked by Limen: the magic number is all there is.
    case .bzip2: return Array("BZh9".utf8) + kernel
    case .lzma: return [0x5d, 0, 0, 0, 1] + kernel
    case .lzo: return [0x89, 0x4c, 0x5a, 0x4f] + kernel
    }
  }
}
