// SPDX-License-Identifier: GPL-2.0-only
/*
 * virtio over the machine's shared pages (kap/dev.h). The usual virtio
 * drivers run on top; this file is what a bus driver is on other machines.
 */
#include <linux/init.h>
#include <linux/interrupt.h>
#include <linux/module.h>
#include <linux/platform_device.h>
#include <linux/slab.h>
#include <linux/virtio.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <uapi/linux/virtio_config.h>
#include <asm/irq.h>
#include <kap/machine.h>

struct vk_device {
	struct virtio_device vdev;
	struct kap_dev *page;
	unsigned int slot;
	int irq;
	struct virtqueue *vqs[KAP_DEV_MAX_QUEUES];
};

#define to_vk(dev)	container_of(dev, struct vk_device, vdev)

/*
 * Asks the monitor to act on what was written, and waits until it has. That may take long: the
 * monitor resets a console only when all of its output was taken.
 */
static void vk_request(struct vk_device *vk)
{
	u32 seq = vk->page->req_seq + 1;
	u32 ack;

	smp_store_release(&vk->page->req_seq, seq);
	preempt_disable();
	kap_ring_monitor(1ULL << vk->slot);
	preempt_enable();
	while ((ack = smp_load_acquire(&vk->page->ack_seq)) != seq) {
		preempt_disable();
		kap_wait_word(&vk->page->ack_seq, ack, NSEC_PER_SEC);
		preempt_enable();
		cond_resched();
	}
}

static void vk_get(struct virtio_device *vdev, unsigned int offset, void *buf, unsigned int len)
{
	struct kap_dev *page = to_vk(vdev)->page;

	if (offset + len > KAP_DEV_CONFIG_SIZE) {
		memset(buf, 0, len);
		return;
	}
	memcpy(buf, page->config + offset, len);
}

static void vk_set(struct virtio_device *vdev, unsigned int offset, const void *buf,
		   unsigned int len)
{
	struct kap_dev *page = to_vk(vdev)->page;

	if (offset + len <= KAP_DEV_CONFIG_SIZE)
		memcpy(page->config_guest + offset, buf, len);
}

static u32 vk_generation(struct virtio_device *vdev)
{
	return smp_load_acquire(&to_vk(vdev)->page->config_seq);
}

static u8 vk_get_status(struct virtio_device *vdev)
{
	return READ_ONCE(to_vk(vdev)->page->status_now);
}

static void vk_set_status(struct virtio_device *vdev, u8 status)
{
	struct vk_device *vk = to_vk(vdev);

	WRITE_ONCE(vk->page->status, status);
	vk_request(vk);
}

static void vk_reset(struct virtio_device *vdev)
{
	vk_set_status(vdev, 0);
}

static u64 vk_get_features(struct virtio_device *vdev)
{
	return to_vk(vdev)->page->device_features;
}

static int vk_finalize_features(struct virtio_device *vdev)
{
	struct vk_device *vk = to_vk(vdev);

	vring_transport_features(vdev);
	if (!__virtio_test_bit(vdev, VIRTIO_F_VERSION_1)) {
		dev_err(&vdev->dev, "device offers no virtio 1 features\n");
		return -EINVAL;
	}
	vk->page->driver_features = vdev->features;
	return 0;
}

static bool vk_notify(struct virtqueue *vq)
{
	struct vk_device *vk = to_vk(vq->vdev);

	__atomic_fetch_or(&vk->page->notify, 1u << vq->index, __ATOMIC_RELEASE);
	preempt_disable();
	kap_ring_monitor(1ULL << vk->slot);
	preempt_enable();
	return true;
}

static irqreturn_t vk_interrupt(int irq, void *arg)
{
	struct vk_device *vk = arg;
	u32 queues = xchg(&vk->page->irq_queues, 0);
	u32 config = xchg(&vk->page->irq_config, 0);

	if (config)
		virtio_config_changed(&vk->vdev);
	while (queues) {
		unsigned int q = __ffs(queues);

		queues &= queues - 1;
		if (vk->vqs[q])
			vring_interrupt(irq, vk->vqs[q]);
	}
	return IRQ_HANDLED;
}

static void vk_del_vqs(struct virtio_device *vdev)
{
	struct vk_device *vk = to_vk(vdev);
	struct virtqueue *vq, *n;

	list_for_each_entry_safe (vq, n, &vdev->vqs, list) {
		vk->page->queue[vq->index].ready = 0;
		vk->vqs[vq->index] = NULL;
		vring_del_virtqueue(vq);
	}
	vk_request(vk);
	free_irq(vk->irq, vk);
}

static struct virtqueue *vk_setup_vq(struct vk_device *vk, unsigned int index,
				     struct virtqueue_info *info)
{
	struct kap_dev_queue *q = &vk->page->queue[index];
	struct virtqueue *vq;

	if (index >= vk->page->nr_queues || !q->size_max)
		return ERR_PTR(-ENOENT);
	vq = vring_create_virtqueue(index, q->size_max, PAGE_SIZE, &vk->vdev, true, true, info->ctx,
				    vk_notify, info->callback, info->name);
	if (!vq)
		return ERR_PTR(-ENOMEM);
	vq->num_max = q->size_max;
	q->size = virtqueue_get_vring_size(vq);
	q->desc = virtqueue_get_desc_addr(vq);
	q->avail = virtqueue_get_avail_addr(vq);
	q->used = virtqueue_get_used_addr(vq);
	q->ready = 1;
	vk->vqs[index] = vq;
	return vq;
}

static int vk_find_vqs(struct virtio_device *vdev, unsigned int nvqs, struct virtqueue *vqs[],
		       struct virtqueue_info infos[], struct irq_affinity *desc)
{
	struct vk_device *vk = to_vk(vdev);
	unsigned int i, index = 0;
	int err;

	err = request_irq(vk->irq, vk_interrupt, 0, dev_name(&vdev->dev), vk);
	if (err)
		return err;
	for (i = 0; i < nvqs; i++) {
		if (!infos[i].name) {
			vqs[i] = NULL;
			continue;
		}
		vqs[i] = vk_setup_vq(vk, index++, &infos[i]);
		if (IS_ERR(vqs[i])) {
			err = PTR_ERR(vqs[i]);
			vk_del_vqs(vdev);
			return err;
		}
	}
	vk_request(vk);
	return 0;
}

static const char *vk_bus_name(struct virtio_device *vdev)
{
	return "kap";
}

static const struct virtio_config_ops vk_ops = {
	.get		= vk_get,
	.set		= vk_set,
	.generation	= vk_generation,
	.get_status	= vk_get_status,
	.set_status	= vk_set_status,
	.reset		= vk_reset,
	.find_vqs	= vk_find_vqs,
	.del_vqs	= vk_del_vqs,
	.get_features	= vk_get_features,
	.finalize_features = vk_finalize_features,
	.bus_name	= vk_bus_name,
};

static void vk_release(struct device *dev)
{
	kfree(to_vk(dev_to_virtio(dev)));
}

static int __init vk_add(struct device *parent, unsigned int slot)
{
	struct kap_dev *page = kap_dev(slot);
	struct vk_device *vk;
	int err;

	if (page->magic != KAP_DEV_MAGIC || !page->device_id)
		return 0;
	vk = kzalloc(sizeof(*vk), GFP_KERNEL);
	if (!vk)
		return -ENOMEM;
	vk->page = page;
	vk->slot = slot;
	vk->irq = KAP_IRQ_DEV0 + slot;
	vk->vdev.dev.parent = parent;
	vk->vdev.dev.release = vk_release;
	vk->vdev.config = &vk_ops;
	vk->vdev.id.device = page->device_id;
	vk->vdev.id.vendor = 0x70616b;		/* "kap" */
	err = register_virtio_device(&vk->vdev);
	if (err)
		put_device(&vk->vdev.dev);
	return err;
}

static int __init vk_init(void)
{
	unsigned int slot, nr = min(kap_boot_info()->nr_devs, (u32)KAP_MAX_DEVS);
	struct device *bus = root_device_register("kap");
	int err;

	if (IS_ERR(bus))
		return PTR_ERR(bus);
	for (slot = 0; slot < nr; slot++) {
		err = vk_add(bus, slot);
		if (err)
			pr_err("kap: device slot %u: error %d\n", slot, err);
	}
	return 0;
}
device_initcall(vk_init);
