/// start_info, the page that tells a PV kernel what it runs on, and the state that it starts in.
///
/// Xen `xen/include/public/xen.h`, `struct start_info`; `tools/libs/guest/xg_dom_x86.c`, `start_info_x86_64`, `vcpu_x86_64`,
/// `shared_info_x86_64`.
import Machine

/// Bits of `start_info.flags`.
enum StartFlags {
  static let privileged: UInt64 = 1 << 0
  static let initialDomain: UInt64 = 1 << 1
  static let moduleIsFrame: UInt64 = 1 << 3
}

/// Byte offsets in `struct start_info`.
enum StartInfo {
  static let pages: UInt64 = 32
  static let sharedInfo: UInt64 = 40
  static let flags: UInt64 = 48
  static let storeFrame: UInt64 = 56
  static let storePort: UInt64 = 64
  static let consoleFrame: UInt64 = 72
  static let consolePort: UInt64 = 80
  static let tableBase: UInt64 = 88
  static let tableFrames: UInt64 = 96
  static let frameList: UInt64 = 104
  static let moduleStart: UInt64 = 112
  static let moduleLength: UInt64 = 120
  static let commandLine: UInt64 = 128
  static let firstP2MFrame: UInt64 = commandLine + 1024
  static let p2mFrames: UInt64 = firstP2MFrame + 8
}

extension XenPVComputer {
  func fillStartInfo(_ layout: DomainLayout, _ kernel: KernelParameters, moduleSize: Int?, commandLine: String) {
    let page = domain.map.machineFrame(layout.startInfo) << 12
    func set(_ offset: UInt64, _ value: UInt64) { processor.setPhysicalWord(value, at: page + offset) }
    processor.writePhysical(Array("xen-3.0-x86_64".utf8), at: page)
    set(StartInfo.pages, UInt64(domain.map.domainPages))
    set(StartInfo.sharedInfo, domain.map.sharedInfo << 12)
    var flags: UInt64 = domain.isPrivileged ? StartFlags.privileged | StartFlags.initialDomain : 0
    if let moduleSize {
      if kernel.takesUnmappedModule {
        flags |= StartFlags.moduleIsFrame
        set(StartInfo.moduleStart, layout.module.start)
        set(StartInfo.moduleLength, layout.module.count << 12)
      } else {
        set(StartInfo.moduleStart, layout.address(layout.module.start))
        set(StartInfo.moduleLength, UInt64(moduleSize))
      }
    }
    set(StartInfo.flags, flags)
    if !domain.isPrivileged {
      set(StartInfo.storeFrame, domain.map.machineFrame(layout.storeRing))
      set(StartInfo.storePort, UInt64(domain.storePort))
      set(StartInfo.consoleFrame, domain.consoleFrame)
      set(StartInfo.consolePort, UInt64(domain.consolePort))
    }
    set(StartInfo.tableBase, layout.address(layout.tables.start))
    set(StartInfo.tableFrames, layout.tables.count)
    set(StartInfo.frameList, layout.p2mAddress)
    processor.writePhysical(Array(commandLine.utf8), at: page + StartInfo.commandLine)
    if kernel.initialP2M != nil {
      set(StartInfo.firstP2MFrame, layout.p2m.start)
      set(StartInfo.p2mFrames, layout.p2m.count)
    }
  }

  /// Every vcpu_info, of the 32 that shared_info has room for, starts with its upcalls masked.
  func fillSharedInfo() {
    let page = domain.map.sharedInfo << 12
    for vcpu in 0..<UInt64(32) { setMachineByte(page + vcpu * VCPUInfo.size + VCPUInfo.upcallMask, 1) }
    domain.vcpu.vcpuInfo = page
    updateWallClock()
    updateSystemTime()
  }

  /// XEN_DOMCTL_setvcpucontext with what the builder asks for.
  func fillVirtualCPU(_ layout: DomainLayout, _ kernel: KernelParameters) {
    let stack = layout.address(layout.bootStack) &+ 4096
    domain.vcpu.isInKernel = true
    domain.vcpu.kernelSS = FlatSelector.data
    domain.vcpu.kernelSP = stack
    processor.startDeprivileged(
      tables: domain.vcpu.guestTable, gdt: DescriptorTable(base: Layout.descriptors, limit: Layout.gdtLimit),
      code: FlatSelector.code64, stack: FlatSelector.data, task: FlatSelector.task)
    processor.rip = kernel.entry
    processor[.rsp] = stack
    processor[.rsi] = layout.address(layout.startInfo)
  }
}
