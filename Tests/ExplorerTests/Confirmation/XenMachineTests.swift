import Foundation
import Testing

/// Goal: the debugger of the confirmation does what it says, before anything is concluded from it. The oracle is the guest, whose
/// code and stacks are known; and whatever happens, no QEMU is left.
@Suite(.serialized) struct XenMachineTests {
  /// An NMI that comes in user mode is pushed onto the kernel's stack, at the very instruction before which it was raised.
  @Test(arguments: ["amd", "intel"])
  func anNMIInUserModeArrivesAtTheInstruction(profile: String) throws {
    let oracle = try Design(path: Self.oracle())
    let code = try oracle.symbol("code_syscall")
    // A stub for each vector, 32 bytes long.
    let callback = try oracle.symbol("stubs") + 2 * 32
    try XenMachine.run(kernel: oracle.path, initramfs: nil, profile: profile) { machine in
      let stub = machine.stub
      try stub.run(to: code)
      let (user, tables) = (try stub.registers, try stub.pageTables)
      #expect(try stub.words(at: code, count: 1)[0] & 0xFFFF == 0x050F, "SYSCALL")
      try stub.monitor("nmi")
      try stub.run(to: callback)
      let frame = try stub.rsp
      let words = try stub.words(at: frame, count: 7)
      #expect(words[2] == code)
      #expect(words[3] & 0xFFFF == 0xE033)
      #expect(words[5] == user.rsp)
      #expect(frame % 16 == 8)
      #expect(frame >> 63 == 1)
      #expect(try stub.pageTables != tables)
    }
  }

  @Test func aMachineThatIsLeftLeavesNoProcess() throws {
    let socket = try XenMachine.run(kernel: try Self.oracle(), initramfs: nil, profile: "amd") { machine in
      #expect(Self.processes(naming: machine.socket) > 0)
      return machine.socket
    }
    #expect(Self.processes(naming: socket) == 0)
  }

  /// One that is never let go, as if the tests had died.
  @Test func aMachineEndsAfterItsOwnBound() throws {
    try XenMachine.run(kernel: try Self.oracle(), initramfs: nil, profile: "amd", seconds: 2) { machine in
      let printed = try machine.guestLines()
      #expect(printed == [])
      #expect(Self.processes(naming: machine.socket) == 0)
    }
  }

  /// Not for a time that a slow machine may need: on a fresh one Xen is fetched before QEMU starts.
  @Test func aSocketIsWaitedForAsLongAsSomebodyMayListen() {
    var asked = 0
    #expect(throws: ProgramFailure.self) {
      _ = try StreamSocket(path: "/tmp/limen-nobody") {
        asked += 1
        return asked < 3
      }
    }
    #expect(asked == 3)
  }

  static func oracle() throws -> String {
    let image = Probe.root.appendingPathComponent(".build-reference/oracle.elf").path
    if !FileManager.default.fileExists(atPath: image) {
      try run("bash", [Probe.root.appendingPathComponent("Scripts/reference-kernel.sh").path])
    }
    return image
  }

  /// How many processes have it in their command line.
  static func processes(naming text: String) -> Int {
    let directories = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
    return directories.filter { name in
      guard Int(name) != nil, let line = FileManager.default.contents(atPath: "/proc/\(name)/cmdline") else {
        return false
      }
      return String(decoding: line, as: UTF8.self).contains(text)
    }.count
  }
}
