/*
 * ACL categories of a command. Those that follow from its flags are derived, so that they cannot disagree with them.
 * Source: https://redis.io/docs/latest/operate/oss_and_stack/management/security/acl/
 */

import type { Spec } from './spec.ts';

export function aclCategories({ flags, acl }: Spec): string[] {
  const categories = new Set<string>();
  if (flags.includes('write')) categories.add('write');
  if (flags.includes('readonly') && !acl.includes('scripting')) categories.add('read');
  for (const category of acl) categories.add(category);
  if (flags.includes('admin')) {
    categories.add('admin');
    categories.add('dangerous');
  }
  if (flags.includes('pubsub')) categories.add('pubsub');
  if (flags.includes('blocking')) categories.add('blocking');
  categories.add(flags.includes('fast') ? 'fast' : 'slow');
  return [...categories];
}
