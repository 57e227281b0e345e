import Foundation

/// QEMU's gdb stub, as a client of the remote serial protocol. Debugging with GDB, appendix "GDB Remote Serial Protocol",
/// sections "Overview" and "Packets"; the order of registers is that of gdb's "org.gnu.gdb.i386.core" for x86-64.
final class GDBStub {
  private let socket: StreamSocket
  /// What one answer may take. A stop may take as long as a boot.
  private let patience: Double

  struct Gone: Error {}

  /// Waits for the stub while QEMU, or what starts it, is alive.
  init(path: String, patience: Double, while isAlive: () -> Bool) throws {
    socket = try StreamSocket(path: path, while: isAlive)
    self.patience = patience
  }

  // MARK: Packets

  private func deadline() -> DispatchTime { .now() + patience }

  private func send(_ packet: String) throws {
    let sum = packet.utf8.reduce(UInt8(0), &+)
    try socket.send([UInt8](("$" + packet + "#").utf8) + Self.digits(sum))
  }

  /// The next packet. Acknowledgements are passed over; the socket loses nothing, so none is ever a refusal.
  private func receive() throws -> String {
    let end = deadline()
    func next() throws -> UInt8 {
      guard let byte = try socket.byte(before: end) else { throw Gone() }
      return byte
    }
    while try next() != UInt8(ascii: "$") {}
    var packet: [UInt8] = []
    while true {
      let byte = try next()
      if byte == UInt8(ascii: "#") { break }
      packet.append(byte)
    }
    guard try [next(), next()] == Self.digits(packet.reduce(0, &+)) else {
      throw ProgramFailure(description: "a packet of the gdb stub's has a wrong checksum")
    }
    try socket.send([UInt8(ascii: "+")])
    return String(decoding: packet, as: UTF8.self)
  }

  private func ask(_ packet: String) throws -> String {
    try send(packet)
    return try receive()
  }

  private func demand(_ packet: String) throws {
    let answer = try ask(packet)
    guard answer == "OK" else { throw ProgramFailure(description: "\(packet): the gdb stub answers '\(answer)'") }
  }

  private static func digits(_ byte: UInt8) -> [UInt8] {
    let digits = [UInt8]("0123456789abcdef".utf8)
    return [digits[Int(byte >> 4)], digits[Int(byte & 15)]]
  }

  private static func bytes(_ hexadecimal: String, of packet: String) throws -> [UInt8] {
    let text = [UInt8](hexadecimal.utf8)
    guard text.count.isMultiple(of: 2),
      let bytes = try? stride(from: 0, to: text.count, by: 2).map({ at -> UInt8 in
        guard let byte = UInt8(String(decoding: text[at..<at + 2], as: UTF8.self), radix: 16) else { throw Gone() }
        return byte
      })
    else { throw ProgramFailure(description: "\(packet): the gdb stub answers '\(hexadecimal)'") }
    return bytes
  }

  // MARK: The processor

  /// What the answer to `g` begins with.
  struct Registers {
    let rsp, rip: UInt64
  }

  /// The sixteen general registers, RAX RBX RCX RDX RSI RDI RBP RSP R8 to R15, then RIP.
  var registers: Registers {
    get throws {
      let bytes = try Self.bytes(try ask("g"), of: "g")
      guard bytes.count >= 17 * 8 else { throw ProgramFailure(description: "g: \(bytes.count) bytes") }
      func register(_ number: Int) -> UInt64 { Self.littleEndian(bytes[number * 8..<number * 8 + 8]) }
      return Registers(rsp: register(7), rip: register(16))
    }
  }

  var rip: UInt64 { get throws { try registers.rip } }
  var rsp: UInt64 { get throws { try registers.rsp } }

  private static func littleEndian(_ bytes: some Sequence<UInt8>) -> UInt64 {
    bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  /// Words of memory, by the page tables that are in force.
  func words(at address: UInt64, count: Int) throws -> [UInt64] {
    let packet = "m\(String(address, radix: 16)),\(String(count * 8, radix: 16))"
    let bytes = try Self.bytes(try ask(packet), of: packet)
    guard bytes.count == count * 8 else { throw ProgramFailure(description: "\(packet): \(bytes.count) bytes") }
    return (0..<count).map { Self.littleEndian(bytes[$0 * 8..<$0 * 8 + 8]) }
  }

  /// A command of QEMU's monitor, and what it prints.
  @discardableResult
  func monitor(_ command: String) throws -> String {
    let packet = "qRcmd," + String(decoding: command.utf8.flatMap { Self.digits($0) }, as: UTF8.self)
    var printed: [UInt8] = []
    var answer = try ask(packet)
    while answer != "OK", answer.hasPrefix("O") {
      printed += try Self.bytes(String(answer.dropFirst()), of: packet)
      answer = try receive()
    }
    guard answer == "OK" else { throw ProgramFailure(description: "monitor \(command): the stub answers '\(answer)'") }
    return String(decoding: printed, as: UTF8.self)
  }

  /// CR3, from the monitor's `info registers`.
  var pageTables: UInt64 {
    get throws {
      let printed = try monitor("info registers")
      guard let found = printed.firstMatch(of: /CR3=([0-9a-f]+)/), let value = UInt64(found.1, radix: 16) else {
        throw ProgramFailure(description: "the monitor shows no CR3: \(printed)")
      }
      return value
    }
  }

  // MARK: Running

  /// By linear address, in any address space: the caller looks where it stands.
  func setBreakpoint(_ address: UInt64) throws { try demand("Z1,\(String(address, radix: 16)),1") }
  func removeBreakpoint(_ address: UInt64) throws { try demand("z1,\(String(address, radix: 16)),1") }

  /// Goes on; a stop is for `stopped` to see.
  func go() throws { try send("c") }

  /// Waits for a stop. Throws `Gone` if the machine ends instead.
  func stopped() throws {
    let answer = try receive()
    if answer.hasPrefix("W") || answer.hasPrefix("X") { throw Gone() }
    guard answer.hasPrefix("T05") || answer.hasPrefix("S05") else {
      throw ProgramFailure(description: "the processor stopped with '\(answer)'")
    }
  }

  /// One instruction, without interrupts: QEMU's default for its gdb stub.
  func step() throws {
    try send("s")
    try stopped()
  }

  /// Goes on to the first of some addresses at which the condition holds, and returns it.
  @discardableResult
  func run(to addresses: UInt64..., where condition: () throws -> Bool = { true }) throws -> UInt64 {
    while true {
      // Else a breakpoint where the processor stands would be met at once.
      if addresses.contains(try rip) { try step() }
      for address in addresses { try setBreakpoint(address) }
      try go()
      try stopped()
      for address in addresses { try removeBreakpoint(address) }
      let rip = try rip
      guard addresses.contains(rip) else {
        throw ProgramFailure(description: "stopped at 0x\(String(rip, radix: 16)), where nobody asked for it")
      }
      if try condition() { return rip }
    }
  }
}
