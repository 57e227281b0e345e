/// Little-endian bytes written one field after another, for the images that these tests build by hand.
struct ByteBuffer {
  var bytes: [UInt8] = []

  var count: Int { bytes.count }

  mutating func append(_ more: some Sequence<UInt8>) { bytes.append(contentsOf: more) }

  mutating func append<Value: FixedWidthInteger>(_ value: Value) {
    withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
  }

  /// Zeros up to a multiple of `alignment`.
  mutating func align(_ alignment: Int) {
    while bytes.count % alignment != 0 { bytes.append(0) }
  }

  mutating func put<Value: FixedWidthInteger>(_ value: Value, at offset: Int) {
    withUnsafeBytes(of: value.littleEndian) { field in
      for (index, byte) in field.enumerated() { bytes[offset + index] = byte }
    }
  }
}

extension [UInt8] {
  /// A copy with one field overwritten.
  func with<Value: FixedWidthInteger>(_ value: Value, at offset: Int) -> [UInt8] {
    var buffer = ByteBuffer(bytes: self)
    buffer.put(value, at: offset)
    return buffer.bytes
  }
}
