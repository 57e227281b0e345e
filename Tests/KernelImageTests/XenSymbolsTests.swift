import Foundation
import KernelImage
import Testing

/// Goal: the names in the images of Debian's hypervisors are read, whatever version laid out their table.
///
/// Oracle: the image's entry point, which the linker wrote down as the physical address of `start` (Xen xen/arch/x86/xen.lds.S).
@Suite(.serialized) struct XenSymbolsTests {
  /// XEN_VIRT_START in Xen's xen/arch/x86/include/asm/config.h.
  static let origin: UInt64 = 0xFFFF_82D0_4000_0000

  static func path(_ version: String) throws -> String {
    let process = Process()
    process.executableURL = URL(filePath: "/bin/bash")
    process.arguments = [RealKernelTests.root.appending(path: "Scripts/xen.sh").path, version]
    let output = Pipe()
    process.standardOutput = output
    process.standardError = FileHandle.nullDevice
    try process.run()
    let bytes = try output.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    try #require(process.terminationStatus == 0, "Scripts/xen.sh \(version) failed")
    return String(decoding: bytes, as: UTF8.self).trimmingCharacters(in: .newlines)
  }

  @Test(arguments: ["4.17", "4.20"])
  func areThoseOfTheLinker(version: String) throws {
    let image = try KernelImage(contentsOf: Self.path(version))
    let entry = try #require(image.elf?.entry)
    #expect(image.symbols.lookup("start") == Self.origin + entry)
    #expect(image.symbols.count > 5000)
    for name in ["lstar_enter", "sysenter_entry", "asm_domain_crash_synchronous", "pv_hypercall", "do_page_fault"] {
      #expect(image.symbols.lookup(name) != nil, "\(name)")
    }
    // Behind the image, whose size the program header has, lie addresses that are none of its.
    let end = try #require(image.loadSegments.map { $0.virtualAddress + $0.memorySize }.max())
    #expect(image.symbols.symbolize(Self.origin + end + 0xF_FFFF) == nil)
  }
}
