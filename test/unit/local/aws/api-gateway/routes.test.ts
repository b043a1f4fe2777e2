import { describe, expect, it } from 'vitest';
import { RouteTable } from '../../../../../infra/local/aws/api-gateway/routes.ts';

function table(...routeKeys: string[]): RouteTable<string> {
  const routes = new RouteTable<string>();
  for (const routeKey of routeKeys) routes.add(routeKey, routeKey);
  return routes;
}

describe('RouteTable', () => {
  it.each([
    ['POST', '/notifications', 'POST /notifications', {}],
    ['GET', '/jobs/7', 'GET /jobs/{id}', { id: '7' }],
    ['GET', '/jobs/new', 'GET /jobs/new', {}],
    ['GET', '/files/a/b.mp4', 'GET /files/{path+}', { path: 'a/b.mp4' }],
    ['PUT', '/jobs/7', 'ANY /jobs/{id}', { id: '7' }],
    ['GET', '/', 'GET /', {}],
  ])('routes %s %s to %s', (method, path, routeKey, pathParameters) => {
    const routes = table(
      'ANY /jobs/{id}',
      'GET /files/{path+}',
      'GET /jobs/{id}',
      'GET /jobs/new',
      'GET /',
      'POST /notifications',
    );
    expect(routes.match(method, path)).toEqual({ routeKey, target: routeKey, pathParameters });
  });

  it.each([
    ['GET', '/notifications'],
    ['POST', '/notifications/'],
    ['POST', '/'],
    ['GET', '/files'],
  ])('matches no route to %s %s', (method, path) => {
    expect(table('POST /notifications', 'GET /files/{path+}').match(method, path)).toBeUndefined();
  });

  it('falls back to $default', () => {
    expect(table('$default', 'GET /a').match('DELETE', '/b')?.routeKey).toBe('$default');
  });
});
