// SPDX-License-Identifier: Apache-2.0

package l2

const helperEnv = "L2_TEST_HELPER"

func helperMain() {}
