/// System calls that a ready machine's user program makes for us, so that a kernel can be asked what it says of itself: the probe's own
/// SYSCALL instruction is executed with registers that we choose.
///
/// Linux arch/x86/entry/syscalls/syscall_64.tbl for the numbers; man pages of section 2 for what they take.
import Findings
import Machine
import Platform

package struct GuestCalls {
  private let machine: ReadyMachine
  private let instruction: UInt64
  /// A stretch of the program's memory for what calls read and write.
  private let buffer: UInt64
  private static let bufferSize: UInt64 = 1 << 16
  private static let bound: UInt64 = 200_000_000

  package struct Failure: Error, CustomStringConvertible {
    package var description: String
  }

  private var processor: Processor { machine.computer.processor }

  /// The machine stands at the probe's request.
  package init(_ machine: ReadyMachine) throws {
    self.machine = machine
    instruction = try machine.probe.address("limen_crossing_syscall64")
    // PROT_READ | PROT_WRITE; MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE.
    let address = try Self.call(machine, instruction, 9, [0, Self.bufferSize, 3, 0x8022, ~0, 0])
    guard address > 0 else { throw Failure(description: "the kernel gave the probe no memory: \(address)") }
    buffer = UInt64(address)
  }

  /// What the call returns, an error as a negative number.
  private static func call(_ machine: ReadyMachine, _ instruction: UInt64, _ number: UInt64, _ arguments: [UInt64])
    throws
    -> Int64
  {
    let processor = machine.computer.processor
    processor[.rax] = number
    for (register, value) in zip([.rdi, .rsi, .rdx, .r10, .r8, .r9] as [GeneralRegister], arguments) {
      processor[register] = value
    }
    processor.rip = instruction
    // SYSCALL is two bytes.
    let end = machine.computer.proceed(bound, until: instruction + 2)
    guard case .budget = end, processor.rip == instruction + 2, !machine.computer.isInKernel else {
      throw Failure(description: "system call \(number) did not come back: \(end)")
    }
    return Int64(bitPattern: processor[.rax])
  }

  private func call(_ number: UInt64, _ arguments: UInt64...) throws -> Int64 {
    try Self.call(machine, instruction, number, arguments)
  }

  /// Puts a text into the buffer, with a zero behind it.
  private func text(_ text: String, at offset: UInt64 = 0) throws -> UInt64 {
    guard processor.write(Array(text.utf8) + [0], atLinear: buffer + offset) else {
      throw Failure(description: "the probe's memory is not there")
    }
    return buffer + offset
  }

  /// mkdir(2) and mount(2) of sysfs on /sys.
  package func mountSysfs() throws {
    _ = try call(83, text("/sys"), 0o755)
    let (path, type) = (try text("/sys"), try text("sysfs", at: 64))
    let status = try call(165, type, path, type, 0, 0)
    guard status == 0 else { throw Failure(description: "the kernel mounts no sysfs: \(status)") }
  }

  /// open(2), read(2) or getdents64(2), close(2); nil where it cannot be opened.
  private func bytes(of path: String, by number: UInt64, flags: UInt64) throws -> [UInt8]? {
    let descriptor = try call(2, text(path), flags)
    guard descriptor >= 0 else { return nil }
    var result: [UInt8] = []
    while true {
      let count = try call(number, UInt64(descriptor), buffer + 4096, 32768)
      guard count > 0, let read = processor.bytes(atLinear: buffer + 4096, count: Int(count)) else { break }
      result += read
    }
    _ = try call(3, UInt64(descriptor))
    return result
  }

  package func contents(of path: String) throws -> String? {
    try bytes(of: path, by: 0, flags: 0).map { String(decoding: $0, as: UTF8.self) }
  }

  /// The names in a directory, sorted, without those that begin with a dot: records of getdents64(2), d_reclen at 16 and d_name at 19.
  package func names(in path: String) throws -> [String] {
    // O_DIRECTORY.
    guard let bytes = try bytes(of: path, by: 217, flags: 0o200000) else { return [] }
    var names: [String] = []
    var at = 0
    while at + 19 < bytes.count {
      let length = Int(bytes[at + 16]) | Int(bytes[at + 17]) << 8
      guard length > 19, at + length <= bytes.count else { break }
      names.append(String(decoding: bytes[at + 19..<at + length].prefix { $0 != 0 }, as: UTF8.self))
      at += length
    }
    return names.filter { !$0.hasPrefix(".") }.sorted()
  }

  /// Runs on into the kernel until it stands at an address of its own; false where one system call does not lead there.
  package func enter(until address: UInt64) -> Bool {
    // getpid(2)
    processor[.rax] = 39
    processor.rip = instruction
    _ = machine.computer.proceed(Self.bound, until: address)
    return processor.rip == address
  }
}
