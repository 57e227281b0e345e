import BareMetal
import KernelImage
import Machine
import Testing

/// Goal: what firmware tells a multiboot kernel of the board is well formed, true, and found where it looks; the fixed hardware that
/// it speaks of is there: a timer that runs, and a way to switch off. Xen and Linux read the same tables in RealXenTests.
@Suite struct ACPITests {
  /// A machine as a multiboot loader leaves it, at a kernel of these bytes at 1 MiB.
  static func started(_ code: [UInt8] = [0xF4]) throws -> BareMetalComputer {
    let computer = try BareMetalComputer(memorySize: 16 << 20, profile: .intel)
    try computer.startMultiboot(
      segments: [.init(address: 0x10_0000, bytes: code[...], memorySize: 4096)], entry: 0x10_0000, modules: [],
      commandLine: "")
    return computer
  }

  private func bytes(_ computer: BareMetalComputer, _ address: UInt64, _ count: Int) -> [UInt8] {
    computer.processor.physicalBytes(at: address, count: count) ?? []
  }

  private func number(_ bytes: some Collection<UInt8>) -> UInt64 { bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) } }

  /// Looks for the pointer as a kernel does, and follows it.
  private func tables(_ computer: BareMetalComputer) throws -> [String: [UInt8]] {
    let pointer = try #require(
      stride(from: 0xE_0000 as UInt64, to: 0x10_0000, by: 16).first {
        bytes(computer, $0, 8) == Array("RSD PTR ".utf8)
      })
    let root = bytes(computer, pointer, 36)
    #expect(root[..<20].reduce(0, &+) == 0)
    #expect(root.reduce(0, &+) == 0)
    var found: [String: [UInt8]] = [:]
    func read(_ address: UInt64) -> [UInt8] {
      let table = bytes(computer, address, Int(number(bytes(computer, address + 4, 4))))
      found[String(decoding: table[..<4], as: UTF8.self)] = table
      return table
    }
    let list = read(number(root[24..<32]))
    for at in stride(from: 36, to: list.count, by: 8) { _ = read(number(list[at..<at + 8])) }
    let fixed = try #require(found["FACP"])
    _ = read(number(fixed[140..<148]))
    _ = read(number(fixed[132..<140]))
    #expect(number(fixed[36..<40]) == number(fixed[132..<140]))
    #expect(number(fixed[40..<44]) == number(fixed[140..<148]))
    return found
  }

  @Test func everyTableIsFoundAndWhole() throws {
    let found = try tables(try Self.started())
    #expect(found.keys.sorted() == ["APIC", "DSDT", "FACP", "FACS", "XSDT"])
    for (name, table) in found where name != "FACS" { #expect(table.reduce(0, &+) == 0, "\(name)") }
    #expect(found["FACP"]?.count == 244)
    #expect(found["FACS"]?.count == 64)
  }

  /// "Multiple APIC Description Table": the parts add up to the table, and say where the APICs answer.
  @Test func theInterruptControllersAreWhereTheyAreSaidToBe() throws {
    let computer = try Self.started()
    let table = try #require(try tables(computer)["APIC"])
    #expect(computer.board.claimsMemory(number(table[36..<40])))
    var at = 44
    var kinds: [UInt8] = []
    while at < table.count {
      let part = table[at..<at + Int(table[at + 1])]
      kinds.append(part[at])
      if part[at] == 1 { #expect(computer.board.claimsMemory(number(part[at + 4..<at + 8]))) }
      at += part.count
    }
    #expect(at == table.count)
    #expect(kinds == [0, 1, 2, 2, 4])
  }

  @Test func theTimerRunsAtItsFrequency() throws {
    var board = Board()
    let fixed = try #require(try tables(try Self.started())["FACP"])
    let port = UInt16(number(fixed[76..<80]))
    for (now, count) in [(0, 0), (1_000_000_000, 3_579_545), (2_000_000_000_000, 7_159_090_000)] as [(UInt64, UInt64)] {
      #expect(board.readPort(port, size: 4, now: now) == UInt32(truncatingIfNeeded: count))
    }
  }

  /// The status bit follows the highest bit, and writing 1 clears it ("PM1 Status Registers").
  @Test func theTimersStatusIsSetWhenItsHighestBitChanges() {
    var board = Board()
    let half: UInt64 = 600_000_000_000
    #expect(board.readPort(0x600, size: 2, now: half - 1_000_000_000) == 0)
    #expect(board.readPort(0x600, size: 2, now: half) == 1)
    _ = board.writePort(0x600, size: 2, value: 1, now: half)
    #expect(board.readPort(0x600, size: 2, now: half) == 0)
    #expect(board.readPort(0x600, size: 2, now: 2 * half) == 1)
  }

  /// With the values that the DSDT's \_S5 gives; any other sleep state is none.
  @Test(arguments: [(UInt16(5), true), (3, false), (0, false)]) func softOffSwitchesOff(type: UInt16, isOff: Bool)
    throws
  {
    let fixed = try #require(try tables(try Self.started())["FACP"])
    let port = UInt16(number(fixed[64..<68]))
    let value = type << 10 | 1 << 13 | 1
    // MOV AX, value; MOV DX, port; OUT DX, AX; HLT, which nothing ends.
    let code: [UInt8] =
      [0x66, 0xB8, UInt8(truncatingIfNeeded: value), UInt8(value >> 8)]
      + [0x66, 0xBA, UInt8(truncatingIfNeeded: port), UInt8(port >> 8), 0x66, 0xEF, 0xF4]
    let end = try Self.started(code).run(1000)
    switch end {
    case .softOff: #expect(isOff)
    case .powerOff: #expect(!isOff)
    default: Issue.record("\(end)")
    }
  }

  /// ACPI is on, and reads so; SLP_EN reads 0.
  @Test func acpiIsOn() {
    var board = Board()
    #expect(board.readPort(0x604, size: 2, now: 0) & 1 == 1)
    #expect(board.writePort(0x604, size: 2, value: 0x2C00, now: 0) == .continue)
    #expect(board.readPort(0x604, size: 2, now: 0) == 0x0C01)
  }
}
