/// A PV domain whose kernel does what a test says: one call or one instruction at a time.
import Machine
import Testing
import XenPV

struct CallingGuest {
  let computer: XenPVComputer
  /// A page of the guest's own for structures.
  static let scratch = SmallKernel.base + 0x4000
  static let code = SmallKernel.base + 0x2000

  /// Numbers of calls.
  enum Number: UInt64 {
    case schedOpCompat = 6
    case platformOp = 7
    case setTimerOp = 15
    case xenVersion = 17
    case consoleIO = 18
    case grantTableOp = 20
    case vcpuOp = 24
    case schedOp = 29
    case eventChannelOp = 32
    case physdevOp = 33
    case hvmOp = 34
    case sysctl = 35
    case domctl = 36
    case xenpmuOp = 40
    case mca = 48
  }

  init(isPrivileged: Bool = false) throws {
    computer = try SmallKernel.computer(isPrivileged: isPrivileged)
    computer.processor[.rsp] = SmallKernel.base + 0x4000
  }

  /// errno of `xen/include/public/errno.h`, negative as results are.
  // swift-format-ignore: AlwaysUseLowerCamelCase
  enum Failure {
    static let EPERM: Int64 = -1
    static let ENOENT: Int64 = -2
    static let ESRCH: Int64 = -3
    static let ENXIO: Int64 = -6
    static let E2BIG: Int64 = -7
    static let EACCES: Int64 = -13
    static let EFAULT: Int64 = -14
    static let EEXIST: Int64 = -17
    static let EINVAL: Int64 = -22
    static let ENOSPC: Int64 = -28
    static let ENOSYS: Int64 = -38
    static let EOPNOTSUPP: Int64 = -95
  }

  /// Executes SYSCALL with these registers and returns RAX.
  @discardableResult
  func call(_ number: Number, _ arguments: UInt64...) -> Int64 {
    let registers: [GeneralRegister] = [.rdi, .rsi, .rdx, .r10, .r8, .r9]
    for (register, value) in zip(registers, arguments) { computer.processor[register] = value }
    computer.processor[.rax] = number.rawValue
    execute([0x0F, 0x05])
    return Int64(bitPattern: computer.processor[.rax])
  }

  /// A call with an operation and a structure, which is returned as the call left it.
  @discardableResult
  func call(_ number: Number, _ operation: UInt64, with structure: [UInt32]) -> (Int64, [UInt32]) {
    put(structure)
    return (call(number, operation, Self.scratch), words(structure.count))
  }

  func put(_ words: [UInt32], at address: UInt64 = CallingGuest.scratch) {
    computer.processor.copyToGuest(
      words.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> ($0 * 8)) } }, address)
  }

  func words(_ count: Int, at address: UInt64 = CallingGuest.scratch) -> [UInt32] {
    let bytes = computer.processor.copyFromGuest(address, count: count * 4) ?? []
    return stride(from: 0, to: bytes.count, by: 4).map { at in
      (0..<4).reduce(0) { $0 | UInt32(bytes[at + $1]) << UInt32($1 * 8) }
    }
  }

  func long(_ words: [UInt32], _ index: Int) -> UInt64 { UInt64(words[index]) | UInt64(words[index + 1]) << 32 }

  /// Executes one instruction, with whatever the hypervisor does about it.
  @discardableResult
  func execute(_ instruction: [UInt8]) -> XenPVComputer.End {
    computer.processor.copyToGuest(instruction, Self.code)
    computer.processor.rip = Self.code
    return computer.step()
  }

  /// How far RIP went.
  var advance: UInt64 { computer.processor.rip &- Self.code }

  /// Registers a handler for an exception: set_trap_table.
  func handle(vector: UInt8, at address: UInt64) {
    let (low, high) = (UInt32(truncatingIfNeeded: address), UInt32(address >> 32))
    put([UInt32(vector) | 0xE033 << 16, 0, low, high, 0, 0, 0, 0])
    computer.processor[.rdi] = Self.scratch
    computer.processor[.rax] = 0
    execute([0x0F, 0x05])
  }

  // MARK: Pages that are shared

  var sharedInfo: UInt64 { computer.domain.map.sharedInfo << 12 }

  func isPending(_ port: UInt32) -> Bool {
    computer.processor.physicalWord(at: sharedInfo + 2048 + UInt64(port / 64) * 8) >> UInt64(port % 64) & 1 != 0
  }

  func setMasked(_ port: UInt32, _ masked: Bool) {
    let address = sharedInfo + 2560 + UInt64(port / 64) * 8
    let bit: UInt64 = 1 << UInt64(port % 64)
    let old = computer.processor.physicalWord(at: address)
    computer.processor.setPhysicalWord(masked ? old | bit : old & ~bit, at: address)
  }

  var selector: UInt64 { computer.processor.physicalWord(at: computer.domain.vcpu.vcpuInfo + 8) }

  func bindTimer() throws -> UInt32 {
    let (result, bind) = call(.eventChannelOp, 1, with: [0, 0, 0])
    try #require(result == 0)
    return bind[2]
  }
}
