// Lines on the first serial port; under Xen on the domain's console ring, or, for domain 0, on the hypervisor's own console.
// xen/include/public/io/console.h: struct xencons_interface.

enum Console {
  private static let port: UInt16 = 0x3F8
  /// The half of the page of hypercall arguments that they do not use: a count and the bytes of a line.
  private static var line: UInt { scratch_address() + 2048 }
  private static let longest: UInt = 1024

  static func put(byte: UInt8) {
    guard kernel.on_xen != 0 else {
      while `in`(port + 5) & 0x20 == 0 {}
      out(port, byte)
      return
    }
    let count = load(line) + 1
    store_byte(line + 7 + count, byte)
    store(line, count)
    if byte == 10 || count == longest { flush() }
  }

  private static func flush() {
    let count = load(line)
    store(line, 0)
    // SIF_INITDOMAIN of start_info's flags.
    if load_half(kernel.start_info + 48) & 2 != 0 {
      Hypercall.consoleIO(0, count, line + 8)
      return
    }
    // The ring's frame and port, by start_info.
    let ring = Memory.virtual(frame: load(kernel.start_info + 72))
    for index in 0..<count { putInRing(ring, load_byte(line + 8 + index)) }
    Hypercall.eventChannelOperation(4, words(load(kernel.start_info + 80) & 0xFFFF_FFFF))
  }

  /// out[2048] stands at offset 1024; out_cons and out_prod at 3080 and 3084.
  private static func putInRing(_ ring: UInt, _ byte: UInt8) {
    let produced = load_half(ring + 3084)
    // SCHEDOP_yield until the daemon has made room.
    while produced &- load_half(ring + 3080) >= 2048 { Hypercall.schedulerOperation(0) }
    store_byte(ring + 1024 + UInt(produced % 2048), byte)
    store_half(ring + 3084, produced &+ 1)
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
