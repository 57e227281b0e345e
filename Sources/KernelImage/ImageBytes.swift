/// The bytes of an image with the name to complain under. Every read is checked without arithmetic that could wrap: offsets and
/// lengths come from the file as 64-bit numbers and are compared before they are added.
struct ImageBytes: Sendable {
  let bytes: [UInt8]
  let name: String
  let part: ImageError.Part

  var count: Int { bytes.count }

  func malformed(at offset: UInt64, _ reason: String) -> ImageError {
    ImageError(kind: .malformed, file: name, part: part, offset: offset, reason: reason)
  }

  func unsupported(at offset: UInt64, _ reason: String) -> ImageError {
    ImageError(kind: .unsupported, file: name, part: part, offset: offset, reason: reason)
  }

  /// The range of `length` bytes at `offset`, when all of it is inside the image. `field` is the offset of the header
  /// field that asked for it, the place to look for the mistake.
  func range(_ offset: UInt64, _ length: UInt64, for what: String, field: UInt64) throws(ImageError) -> Range<Int> {
    let total = UInt64(bytes.count)
    guard offset <= total, length <= total - offset else {
      throw malformed(
        at: field,
        "\(what) is \(length) bytes at 0x\(String(offset, radix: 16)), outside the image's \(total) bytes")
    }
    return Int(offset)..<Int(offset + length)
  }

  /// A little-endian number.
  func read<Value: FixedWidthInteger>(
    _ type: Value.Type, at offset: UInt64, for what: @autoclosure () -> String
  ) throws(ImageError) -> Value {
    let total = UInt64(bytes.count)
    guard offset <= total, UInt64(MemoryLayout<Value>.size) <= total - offset else {
      throw malformed(at: offset, "truncated: \(what()) lies beyond the image's \(total) bytes")
    }
    return bytes.littleEndian(type, at: Int(offset))
  }
}

extension [UInt8] {
  /// A little-endian number at an offset the caller has checked; an unchecked one stops the program at the array's own bounds.
  func littleEndian<Value: FixedWidthInteger>(_ type: Value.Type, at offset: Int) -> Value {
    precondition(offset >= 0 && offset <= count - MemoryLayout<Value>.size, "a number was read outside the image")
    return withUnsafeBytes { Value(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: Value.self)) }
  }

  /// Whether these bytes begin at `offset`.
  func holds(_ magic: [UInt8], at offset: Int) -> Bool {
    guard offset >= 0, magic.count <= count, offset <= count - magic.count else { return false }
    return (0..<magic.count).allSatisfy { self[offset + $0] == magic[$0] }
  }
}
