// All routes about nodes, trackers and jobs.
import type { FastifyInstance } from 'fastify';
import { serveNodes } from '../node-routes.ts';
import type { LiveRack } from '../rack-view.ts';
import type { Forbids } from '../tokens.ts';
import type { ActivityDoor } from './activity-door.ts';
import { serveCodecarbon } from './codecarbon-door.ts';
import { serveCodecarbonWebhook } from './codecarbon-webhook.ts';
import { serveJobs } from './job-routes.ts';
import { servePushgateway } from './pushgateway-door.ts';
import { serveZeusd } from './zeusd-door.ts';

/** In a scope of its own, since a Pushgateway speaks plain text and nothing else here may. */
export function serveActivity(
  app: FastifyInstance,
  live: LiveRack,
  door: ActivityDoor,
  forbids: Forbids,
): void {
  void app.register((scope, _options, done) => {
    serveNodes(scope, door.sources);
    serveJobs(scope, door, forbids);
    serveCodecarbon(scope, door);
    serveCodecarbonWebhook(scope, door);
    serveZeusd(scope, door.sources, (listener) => live.onRefresh(listener));
    done();
  });
  void app.register((scope, _options, done) => {
    scope.addContentTypeParser('text/plain', { parseAs: 'buffer' }, (_request, body, parsed) => {
      parsed(null, body);
    });
    servePushgateway(scope, door);
    done();
  });
}
