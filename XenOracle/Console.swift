// The guest's lines: each begins with "LIMEN " and goes out whole, by one console_io.

struct Line {
  private var length: UInt = 0

  init() { put("LIMEN ") }

  mutating func put(_ text: StaticString) {
    text.withUTF8Buffer { bytes in
      for byte in bytes { put(byte: byte) }
    }
  }

  mutating func put(byte: UInt8) {
    guard length < 1000 else { return }
    store_byte(line_buffer_address() + length, byte)
    length += 1
  }

  mutating func put(hex value: UInt) {
    var shift: UInt = 60
    while shift > 0, value >> shift == 0 { shift -= 4 }
    while true {
      let digit = UInt8(truncatingIfNeeded: value >> shift & 0xF)
      put(byte: digit < 10 ? 48 + digit : 87 + digit)
      if shift == 0 { break }
      shift -= 4
    }
  }

  mutating func put(decimal value: Int) {
    if value < 0 { put(byte: 45) }
    var rest = value.magnitude
    var divisor: UInt = 1
    while rest / divisor >= 10 { divisor *= 10 }
    while divisor > 0 {
      put(byte: 48 + UInt8(truncatingIfNeeded: rest / divisor))
      rest %= divisor
      divisor /= 10
    }
  }

  mutating func end() {
    put(byte: 10)
    Hypercall.consoleIO(0, length, line_buffer_address())
    length = 0
  }
}
