// Lines on the first serial port, or on Xen's console, which takes them whole.

enum Console {
  private static let port: UInt16 = 0x3F8
  /// The half of the page of hypercall arguments that they do not use.
  private static var line: UInt { scratch_address() + 2048 }
  private static let longest: UInt = 1024

  static func put(byte: UInt8) {
    guard kernel.on_xen != 0 else {
      while `in`(port + 5) & 0x20 == 0 {}
      out(port, byte)
      return
    }
    // The line's first word counts its bytes.
    let count = load(line)
    store_byte(line + 8 + count, byte)
    store(line, count + 1)
    if byte == 10 || count + 1 == longest - 8 {
      Hypercall.consoleIO(0, count + 1, line + 8)
      store(line, 0)
    }
  }

  static func put(_ text: StaticString) {
    text.withUTF8Buffer { bytes in
      for byte in bytes { put(byte: byte) }
    }
  }

  static func put(text address: UInt) {
    var at = address
    while load_byte(at) != 0 {
      put(byte: load_byte(at))
      at += 1
    }
  }

  static func put(hex value: UInt) {
    var shift: UInt = 64
    repeat { shift -= 4 } while shift > 0 && value >> shift == 0
    while true {
      let digit = UInt8(truncatingIfNeeded: value >> shift & 0xF)
      put(byte: digit < 10 ? 48 + digit : 87 + digit)
      if shift == 0 { return }
      shift -= 4
    }
  }

  static func end() {
    // A terminal's new line.
    if kernel.on_xen == 0 { put(byte: 13) }
    put(byte: 10)
  }
}
