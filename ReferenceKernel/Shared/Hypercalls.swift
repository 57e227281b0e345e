// The hypercalls by name: xen/include/public/xen.h, "HYPERCALLS".

enum Hypercall: UInt {
  case setTrapTable = 0
  case mmuUpdate = 1
  case setGDT = 2
  case stackSwitch = 3
  case setCallbacks = 4
  case fpuTaskSwitch = 5
  case platformOperation = 7
  case setDebugRegister = 8
  case getDebugRegister = 9
  case updateDescriptor = 10
  case memoryOperation = 12
  case multicall = 13
  case updateVirtualAddressMapping = 14
  case setTimer = 15
  case xenVersion = 17
  case consoleIO = 18
  case grantTableOperation = 20
  case assist = 21
  case updateOtherDomainMapping = 22
  case iret = 23
  case virtualCPUOperation = 24
  case setSegmentBase = 25
  case extendedMMUOperation = 26
  case securityModule = 27
  case nmiOperation = 28
  case schedulerOperation = 29
  case callbackOperation = 30
  case profiler = 31
  case eventChannelOperation = 32
  case physicalDeviceOperation = 33
  case performanceMonitor = 40

  @discardableResult
  func callAsFunction(_ a: UInt = 0, _ b: UInt = 0, _ c: UInt = 0, _ d: UInt = 0, _ e: UInt = 0) -> Int {
    hypercall(rawValue, a, b, c, d, e)
  }
}

/// Lays words out in the page of arguments and says where.
func words(_ a: UInt, _ b: UInt = 0, _ c: UInt = 0, _ d: UInt = 0) -> UInt {
  let place = scratch_address()
  store(place, a)
  store(place + 8, b)
  store(place + 16, c)
  store(place + 24, d)
  return place
}

/// `struct mmuext_op` of xen/include/public/xen.h.
enum ExtendedMMU: UInt {
  case pinL1 = 0
  case pinL2 = 1
  case pinL3 = 2
  case pinL4 = 3
  case unpin = 4
  case newBase = 5
  case flushLocal = 6
  case invalidateLocal = 7
  case setLDT = 13
  case newUserBase = 15

  @discardableResult
  func callAsFunction(_ a: UInt = 0, _ b: UInt = 0) -> Int {
    Hypercall.extendedMMUOperation(words(rawValue, a, b), 1, 0, 0x7FF0)
  }
}

/// `struct callback_register` of xen/include/public/callback.h.
enum Callback: UInt {
  case event = 0
  case failsafe = 1
  case syscall = 2
  case nmi = 4
  case sysenter = 5
  case syscall32 = 7

  @discardableResult
  func register(_ address: UInt, maskEvents: Bool) -> Int {
    Hypercall.callbackOperation(0, words(rawValue | (maskEvents ? 1 << 16 : 0), address))
  }
}
