import Testing
import XenPV

/// Goal: the hypervisor's frames never overlap each other or the domain's, whatever the domain's size.
@Suite struct MachineMapTests {
  @Test(arguments: [1, 255, 8192, 131_072, 1_048_576])
  func framesAreApart(pages: Int) {
    let map = MachineMap(domainPages: pages)
    let tables = (UInt64(map.totalFrames) * 16 + 4095) / 4096
    #expect(map.machineToPhys + (UInt64(map.totalFrames) * 8 + 4095) / 4096 <= map.frameTable)
    #expect(map.frameTable + tables <= map.xenTables)
    #expect(map.xenTables < map.sharedInfo && map.sharedInfo < map.reservedDescriptors)
    #expect(map.reservedDescriptors < map.firstDomainFrame)
    #expect(map.totalFrames == Int(map.firstDomainFrame) + pages)
    #expect(!map.isDomainFrame(map.sharedInfo) && map.isDomainFrame(map.machineFrame(0)))
  }
}
