/// One instruction, the state before it, and what a processor made of it: a line of a recording.
///
///     67f3a4 rcx=b3edbaad00000000 rsi=aaaaaaaa00210800 > rcx=0 rsi=210800
///
/// The bytes; what differs from `RecordedState.initial`; behind `>` what the instruction changed, RIP only where it is not that of the
/// next instruction. Three fields belong to the outcome: `raises` (a vector), `error` and `at` (CR2). `undefined` has the bits of
/// RFLAGS that the manuals leave open.

import HostInstructions

struct RecordedExecution {
  var code: [UInt8]
  /// Between FXRSTOR64 of the state's image and FXSAVE64.
  var isFloating: Bool
  var before = RecordedState.initial
  var undefined: UInt64 = 0
  /// Sorted as `Execution.fields` gives them.
  var outcome: [String] = []

  static let image = UInt64(HOST_MEMORY), savedImage = UInt64(HOST_MEMORY) + 0x200
  /// Floating executions have their images there, and it is no memory.
  static let imageArea = 0..<0x400

  /// What is placed at the state's RIP.
  var bytes: [UInt8] {
    guard isFloating else { return code }
    func absolute(_ reg: UInt8, _ address: UInt64) -> [UInt8] {
      [0x48, 0x0F, 0xAE, 0x04 | reg << 3, 0x25] + FormSource.littleEndian(address, 4)
    }
    return absolute(1, Self.image) + code + absolute(0, Self.savedImage)
  }

  /// RIP behind it.
  var end: UInt64 { before.registers[Registers.rip] &+ UInt64(bytes.count) }

  /// The bits of RFLAGS that are recorded.
  var flags: UInt64 { (isFloating ? 0xCD5 : RFLAGSBits.compared) & ~undefined }

  var line: String {
    var words = [code.map { hex(UInt64($0), digits: 2) }.joined()]
    words += before.fields(from: .initial)
    if undefined != 0 { words.append("undefined=\(hex(undefined))") }
    return (words + [">"] + outcome).joined(separator: " ")
  }

  init(code: [UInt8], isFloating: Bool) {
    self.code = code
    self.isFloating = isFloating
  }

  /// Nil where the line is none.
  init?(line: Substring, isFloating: Bool) {
    var words = line.split(separator: " ")[...]
    guard var digits = words.popFirst() else { return nil }
    code = []
    self.isFloating = isFloating
    while !digits.isEmpty {
      guard let byte = UInt8(digits.prefix(2), radix: 16) else { return nil }
      code.append(byte)
      digits = digits.dropFirst(2)
    }
    while let word = words.popFirst(), word != ">" {
      let parts = word.split(separator: "=")
      guard parts.count == 2 else { return nil }
      if parts[0] == "undefined" {
        guard let bits = UInt64(parts[1], radix: 16) else { return nil }
        undefined = bits
      } else {
        guard before.set(parts[0], parts[1]) else { return nil }
      }
    }
    outcome = words.map(String.init)
  }
}

/// What an execution left, on whichever processor.
struct Execution {
  var after: RecordedState
  /// -1 where the instruction completed, -2 where neither that nor an exception came.
  var vector: Int32
  var errorCode: UInt32 = 0
  var faultAddress: UInt64 = 0

  /// The outcome as a recording has it. The image that a faulting instruction leaves is not known.
  func fields(of recorded: RecordedExecution) -> [String] {
    var after = after
    var reached = recorded.before
    if vector < 0 { reached.registers[Registers.rip] = recorded.end }
    if vector >= 0 || !recorded.isFloating { after.image = reached.image }
    if recorded.isFloating {
      after.memory.replaceSubrange(RecordedExecution.imageArea, with: reached.memory[RecordedExecution.imageArea])
    }
    var fields = after.fields(from: reached, flags: recorded.flags)
    if vector != -1 { fields.append(vector < 0 ? "lost" : "raises=\(hex(UInt64(vector)))") }
    if errorCode != 0 { fields.append("error=\(hex(UInt64(errorCode)))") }
    if faultAddress != 0 { fields.append("at=\(hex(faultAddress))") }
    return fields
  }
}
